import { describeKube } from './conformance/suite.ts';
import { connectTo } from './connect.ts';
import { FakeApiServer } from './test-fake-api-server.ts';

describeKube('the fake API server', async () => {
  const server = new FakeApiServer();
  await server.start();
  const connection = connectTo(server.url);
  return {
    connection,
    namespace: 'chat',
    async close() {
      await connection.close();
      await server.stop();
    },
  };
});
