import { expect, it } from 'vitest';
import { nameDevice } from './device-name.ts';

it('names browsers by what they call themselves', () => {
  const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)';
  const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
  const names: [string, string][] = [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/140.0.0.0 Safari/537.36`, 'Chrome on Windows'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`, 'Edge on Windows'],
    [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0`, 'Opera on Linux'],
    [`Mozilla/5.0 (Linux; Android 15; K) ${webkit} Chrome/140.0.0.0 Mobile Safari/537.36`, 'Chrome on Android'],
    [
      `Mozilla/5.0 (Linux; Android 15; K) ${webkit} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`,
      'Samsung Internet on Android',
    ],
    [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webkit} Chrome/140.0.0.0 Safari/537.36`, 'Chrome on ChromeOS'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
      'Safari on macOS',
    ],
    [`${phone} Version/18.1 Mobile/15E148 Safari/604.1`, 'Safari on iPhone'],
    [`${phone} CriOS/140.0.0.0 Mobile/15E148 Safari/604.1`, 'Chrome on iPhone'],
    [`${phone} FxiOS/140.0 Mobile/15E148 Safari/605.1.15`, 'Firefox on iPhone'],
    [`${phone} Mobile/15E148`, 'A browser on iPhone'],
  ];
  for (const [userAgent, name] of names) expect([userAgent, nameDevice(userAgent)]).toEqual([userAgent, name]);
});

it('says no more of a program than its name, and of nothing that it is unknown', () => {
  expect(nameDevice('curl/8.5.0')).toBe('A program (curl)');
  expect(nameDevice('node')).toBe('A program (node)');
  expect(nameDevice(`${'x'.repeat(500)}/1`)).toBe(`A program (${'x'.repeat(40)})`);
  for (const userAgent of ['', '  ', '<b>']) expect(nameDevice(userAgent)).toBe('An unknown device');
});
