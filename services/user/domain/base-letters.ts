/** Letters of Latin that do not decompose into a base letter and a mark. */
const BASE_LETTERS: Record<string, string> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', ł: 'l', þ: 'th', ħ: 'h', ı: 'i', ŋ: 'n' };

/** Lower case without marks and without variants of letters: `Żółć` → `zolc`. Other scripts keep their letters. */
export function toBaseLetters(text: string): string {
  return (
    text
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      // What has no lower case of its own, or several, has one of its upper case.
      .toUpperCase()
      .toLowerCase()
      .replaceAll('ς', 'σ')
      .replace(/[^\0-\x7f]/gu, (letter) => BASE_LETTERS[letter] ?? letter)
  );
}
