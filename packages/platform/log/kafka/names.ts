import type { Topic } from '@starling/contracts/log';

/** The name of a topic on the brokers. */
export function topicName(topic: Topic, epoch: number): string {
  return `chat.${topic}.${epoch}`;
}

/** The name of a group, of one topic, on the brokers. */
export function groupName(group: string, topic: Topic, epoch: number): string {
  return `chat-${group}.${topic}.${epoch}`;
}

/** What the names of the groups begin with in which the tails of a client read, each alone. No client's is another's beginning. */
export function tailGroupsOf(clientId: string): string {
  return `chat-${clientId}.`;
}
