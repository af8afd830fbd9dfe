import { createHmac } from 'node:crypto';
import type { Topic } from '@starling/contracts/log';
import type { ServiceName } from '@starling/contracts/services';

/** The name of a topic on the brokers; that of `ephemeral` is the same in every epoch. */
export function topicName(topic: Topic, epoch: number): string {
  return topic === 'ephemeral' ? 'chat.ephemeral' : `chat.${topic}.${epoch}`;
}

/** The name of a group, of one topic, on the brokers. */
export function groupName(group: string, topic: Topic, epoch: number): string {
  return `chat-${group}.${topic}.${epoch}`;
}

/** What the names of the groups begin with in which the tails of a client read, each alone. No client's is another's beginning. */
export function tailGroupsOf(clientId: string): string {
  return `chat-${clientId}.`;
}

/** The user on the brokers as whom a service logs in, and its name as a client there. */
export function brokerUserOf(service: ServiceName): string {
  return `starling-${service}`;
}

/** The password of a user on the brokers: derived, so that the only secret to keep is one. */
export function brokerPassword(secret: string, user: string): string {
  return createHmac('sha256', secret).update(`brokers ${user}`).digest('base64url');
}
