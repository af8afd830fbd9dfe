import { startStarlingProcess } from '@starling/testing/starling';
import { launchBrowser } from './browser.ts';
import { PersonAtBrowser } from './person-at-browser.ts';
const [starling, browser] = await Promise.all([startStarlingProcess(), launchBrowser()]);
try {
  const jan = await PersonAtBrowser.signUp(await browser.newContext(), starling.url, 'Jan');
  const kim = await PersonAtBrowser.signUp(await browser.newContext(), starling.url, 'Kim');
  await jan.openPrivate('Kim');
  for (let n = 0; n < 110; n++) await jan.send(`${n} ${'and so on '.repeat((n * 7) % 23 + 1)}`);
  await jan.page.getByText('109 and so on').waitFor();
  await kim.openFromList('Jan');
  await kim.page.getByText('109 and so on').waitFor();
  for (const [who, person] of [['kim', kim], ['jan', jan]] as const) {
    await (await person.page.context().newCDPSession(person.page)).send('Emulation.setCPUThrottlingRate', { rate: 6 });
    const log = person.page.getByRole('log', { name: 'Messages' });
    const below = () => log.evaluate((l) => Math.round(l.scrollHeight - l.scrollTop - l.clientHeight));
    const frames = () => person.page.evaluate(async () => { for (let f = 0; f < 40; f++) await new Promise((r) => requestAnimationFrame(r)); });
    await frames();
    const out = [['start', await below()]];
    for (const [w, h] of [[360, 750], [1100, 750], [360, 640], [1100, 750], [800, 750], [360, 700], [720,750],[360,750]] as const) {
      await person.page.setViewportSize({ width: w, height: h });
      await frames();
      out.push([`${w}x${h}`, await below()]);
    }
    // dragging
    for (let w = 1100; w >= 360; w -= 20) { await person.page.setViewportSize({ width: w, height: 750 }); await person.page.evaluate(() => new Promise((r) => requestAnimationFrame(r))); }
    await frames();
    out.push(['dragged', await below()]);
    for (let w = 360; w <= 1100; w += 37) { await person.page.setViewportSize({ width: w, height: 750 }); await person.page.evaluate(() => new Promise((r) => requestAnimationFrame(r))); }
    await frames();
    out.push(['dragged back', await below()]);
    console.log(who, JSON.stringify(out));
    await person.page.setViewportSize({ width: 1100, height: 750 });
  }
  // reload with narrow then
  await kim.page.reload(); await kim.waitLive();
  const log = kim.page.getByRole('log', { name: 'Messages' });
  await log.getByText('109 and so on').waitFor();
  await kim.page.setViewportSize({ width: 360, height: 750 });
  await new Promise((r) => setTimeout(r, 1500));
  console.log('after reload', await log.evaluate((l) => Math.round(l.scrollHeight - l.scrollTop - l.clientHeight)));
} finally { await browser.close(); await starling.remove(); }
