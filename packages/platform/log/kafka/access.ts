import { TOPICS, type Topic } from '@starling/contracts/log';
import type { LogAccess } from '@starling/contracts/services';
import type { AclEntry, AclOperationTypes as Operation, AclResourceTypes as ResourceType } from 'kafkajs';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from './acl-terms.ts';
import { groupName, tailGroupsOf, topicName } from './names.ts';

/** Whoever has these can do what {@link LogAccess} says, and nothing else. `user` is also the client's name in its tails' groups. */
export function accessRules(user: string, { reads, writes, group }: LogAccess, epoch: number): AclEntry[] {
  const allow = (resourceType: ResourceType, resourceName: string, operation: Operation): AclEntry => ({
    resourceType,
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: principalOf(user),
    host: '*',
    operation,
    permissionType: AclPermissionTypes.ALLOW,
  });
  const onTopics = (topics: readonly Topic[], operation: Operation) =>
    topics.map((topic) => allow(AclResourceTypes.TOPIC, topicName(topic, epoch), operation));
  const onGroup = (topic: Topic) => allow(AclResourceTypes.GROUP, groupName(group ?? '', topic, epoch), AclOperationTypes.READ);
  const onTails = (operation: Operation): AclEntry => ({
    ...allow(AclResourceTypes.GROUP, tailGroupsOf(user), operation),
    resourcePatternType: ResourcePatternTypes.PREFIXED,
  });
  return [
    // To see that all topics of the epoch are there, and where they end.
    ...onTopics(TOPICS, AclOperationTypes.DESCRIBE),
    ...onTopics(reads, AclOperationTypes.READ),
    ...onTopics(writes, AclOperationTypes.WRITE),
    ...(group === undefined ? [] : reads.map(onGroup)),
    // A tail deletes its group when it ends.
    ...(reads.length === 0 ? [] : [onTails(AclOperationTypes.READ), onTails(AclOperationTypes.DELETE)]),
  ];
}

/** How access rules name a user that proves itself by a password. */
export function principalOf(user: string): string {
  return `User:${user}`;
}
