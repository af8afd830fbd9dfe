const REDIRECTS = 10;

/** Follows redirects with cookies from page to page until one leads to one of `ends`, whose address it returns unvisited. */
export async function browse(url: string, ends: string[]): Promise<string> {
  const cookies = new Map<string, string>();
  let address = new URL(url);
  for (let hop = 0; hop < REDIRECTS; hop++) {
    const response = await fetch(address, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    const body = await response.text();
    for (const cookie of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split(/=(.*)/s);
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) throw new Error(`the provider showed a page (status ${response.status}): ${body.slice(0, 500)}`);
    address = new URL(location, address);
    if (ends.includes(address.origin + address.pathname)) return address.href;
  }
  throw new Error(`the provider sends from page to page, at last to ${address.origin}${address.pathname}`);
}
