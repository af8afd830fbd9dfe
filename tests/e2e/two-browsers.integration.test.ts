import { describeTwoPeople } from './describe-two-people.ts';
import { startStarlingProcess } from './starling-process.ts';

describeTwoPeople('one process', async () => {
  const starling = await startStarlingProcess();
  return { ...starling, crash: () => starling.kill(), recover: () => starling.restart() };
});
