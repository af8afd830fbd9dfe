import { startStarlingProcess } from '@starling/testing/starling';
import { describeTwoPeople } from './describe-two-people.ts';

describeTwoPeople('one process', async () => {
  const starling = await startStarlingProcess();
  return { ...starling, crash: () => starling.kill(), recover: () => starling.restart() };
});
