import type { LogAccess } from '@starling/contracts/services';
import { expect, it } from 'vitest';
import { accessRules } from './access.ts';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from './acl-terms.ts';
import { nameOf } from './test-logs.ts';

function describeRules(access: LogAccess): string[] {
  return accessRules('chat-member', access, 7).map((rule) => {
    expect(rule).toMatchObject({ principal: 'User:chat-member', host: '*', permissionType: AclPermissionTypes.ALLOW });
    const [pattern, type, operation] = [
      nameOf(ResourcePatternTypes, rule.resourcePatternType),
      nameOf(AclResourceTypes, rule.resourceType),
      nameOf(AclOperationTypes, rule.operation),
    ];
    return `${operation} ${type} ${rule.resourceName}${pattern === 'PREFIXED' ? '*' : ''}`;
  });
}

const SEES = ['chat.conversations.7', 'chat.receipts.7', 'chat.users.7', 'chat.ephemeral'].map((topic) => `DESCRIBE TOPIC ${topic}`);
const TAILS = ['READ GROUP chat-chat-member.*', 'DELETE GROUP chat-chat-member.*'];

it('lets each see where the topics of its epoch end, and do what it does', () => {
  expect(describeRules({ reads: [], writes: [] })).toEqual(SEES);
  expect(describeRules({ reads: [], writes: ['users'] })).toEqual([...SEES, 'WRITE TOPIC chat.users.7']);
  expect(describeRules({ reads: ['users', 'receipts'], writes: [] })).toEqual([
    ...SEES,
    'READ TOPIC chat.users.7',
    'READ TOPIC chat.receipts.7',
    ...TAILS,
  ]);
  expect(describeRules({ reads: ['users'], writes: [], group: 'profiles' })).toEqual([
    ...SEES,
    'READ TOPIC chat.users.7',
    'READ GROUP chat-profiles.users.7',
    ...TAILS,
  ]);
});
