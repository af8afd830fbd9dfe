import { runService } from '@starling/platform/process';
import { createConversation } from './app.ts';
import { ConversationConfig } from './config.ts';

await runService({ name: 'conversation', config: ConversationConfig, create: createConversation });
