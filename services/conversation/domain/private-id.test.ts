import { isUuid } from '@starling/contracts/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { privateConversationId } from './private-id.ts';

test('two people have one private conversation, whoever asks, and no others have it', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { minLength: 3, maxLength: 3 }), ([ann = '', bob = '', cat = '']) => {
      const id = privateConversationId(ann, bob);
      expect(privateConversationId(bob, ann)).toBe(id);
      expect(isUuid(id)).toBe(true);
      expect(new Set([id, privateConversationId(ann, cat), privateConversationId(bob, cat)]).size).toBe(3);
    }),
  );
});

test('the id never changes: it is kept nowhere', () => {
  const [ann, bob] = ['0190163d-8694-739b-aea5-966c26f8ad90', '0190163d-8694-739b-aea5-966c26f8ad91'];
  expect(privateConversationId(ann, bob)).toBe('a79ad2e2-e7cd-53ad-8c53-d7946e4d9e4f');
});
