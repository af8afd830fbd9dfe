import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes for a build, which sees nothing of this machine, how npm reaches its registry from here: npmrc and authorities.pem. */
const [folder = '.'] = process.argv.slice(2);
const config = JSON.parse(readFileSync(0, 'utf8')) as Record<string, string | null>;
const authorities = config['cafile'] || process.env['NODE_EXTRA_CA_CERTS'];
const settings = ['registry', 'proxy', 'https-proxy', 'noproxy'].flatMap((key) => (config[key] ? [`${key}=${config[key]}`] : []));
if (authorities) settings.push('cafile=/run/authorities.pem');
writeFileSync(join(folder, 'npmrc'), `${settings.join('\n')}\n`);
writeFileSync(join(folder, 'authorities.pem'), authorities ? readFileSync(authorities) : '');
