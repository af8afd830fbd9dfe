import { ConfigError } from '@starling/platform/config';
import Type from 'typebox';
import type { WebConfig } from './config.ts';
import { type Proxies, parseProxies } from './domain/proxies.ts';

/** What the commands that start Starling ask about the way to the page. */
export const WEB_USAGE = `  --public-url URL      how people reach the page, for links (https://chat.example.org)
  --trusted-proxies A,B addresses or networks of proxies whose X-Forwarded-… headers are believed`;

export const WEB_OPTIONS = {
  'public-url': Type.Optional(Type.String({ pattern: '^https?://[^/?#@\\s]+$' })),
  'trusted-proxies': Type.Optional(Type.String({ minLength: 1 })),
};

interface WebOptions {
  'public-url'?: string;
  'trusted-proxies'?: string;
}

/** The service's configuration by these options, and its proxies. Throws a ConfigError. */
export function configureWeb(options: WebOptions): WebConfig & { trustedProxies: string[] } {
  const trustedProxies = options['trusted-proxies']?.split(',').map((entry) => entry.trim()) ?? [];
  readProxies(trustedProxies);
  const { 'public-url': publicUrl } = options;
  return { trustedProxies, ...(publicUrl === undefined ? {} : { publicUrl }) };
}

/** The proxies of a configuration. Throws a ConfigError. */
export function readProxies(entries: readonly string[]): Proxies {
  try {
    return parseProxies(entries);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}
