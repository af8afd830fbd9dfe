import { runService } from '@starling/platform/process';
import { createWeb } from './app.ts';
import { WebConfig } from './config.ts';
import { createNetworkUpstream } from './upstream/index.ts';

await runService({
  name: 'web',
  config: WebConfig,
  create(config, platform, { addresses: { user, conversation, delivery }, certificates }) {
    const origins = { user: user.http, conversation: conversation.http, delivery: delivery.http };
    const upstream = createNetworkUpstream(origins, certificates);
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
