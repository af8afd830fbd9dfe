import { runService } from '@starling/platform/process';
import { createWeb } from './app.ts';
import { WebConfig } from './config.ts';
import { createNetworkUpstream } from './upstream/index.ts';

await runService({
  name: 'web',
  config: WebConfig,
  create(config, platform, { user, conversation, delivery }) {
    const upstream = createNetworkUpstream({ user: user.http, conversation: conversation.http, delivery: delivery.http });
    const web = createWeb(config, platform, upstream);
    return {
      ...web,
      async stop() {
        await web.stop();
        await upstream.close();
      },
    };
  },
});
