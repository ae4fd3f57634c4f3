/** Same-length folding: other forms of the same character become the one that the rules are written for. */

/** Curly, angled and corner quotation marks, dashes that are hyphens, and the minus sign. */
const PUNCTUATION: Readonly<Record<string, string>> = {
  '‘': "'",
  '’': "'",
  '‚': "'",
  '‛': "'",
  '′': "'",
  ʼ: "'",
  '`': "'",
  '´': "'",
  '‹': "'",
  '›': "'",
  '“': '"',
  '”': '"',
  '„': '"',
  '‟': '"',
  '″': '"',
  '«': '"',
  '»': '"',
  '「': '"',
  '」': '"',
  '『': '"',
  '』': '"',
  '\u2010': '-',
  '\u2011': '-',
  '−': '-',
  '、': ',',
  '。': '.',
  '｡': '.',
  '·': ' ',
};

/** Letters that do not decompose, each with its nearest plain one; those that need two are rules of the grammar. */
const LETTERS: Readonly<Record<string, string>> = { ø: 'o', Ø: 'O', ł: 'l', Ł: 'L', đ: 'd', Đ: 'D', ı: 'i', ħ: 'h' };

/** '３' and '٣' -> '3'. Other characters stay. */
export function foldDigit(character: string): string {
  if (!/^\p{Nd}$/u.test(character) || character.length > 1) return character;
  // Unicode keeps the ten digits of a script together, from a code point that ends in 0 or in 6 (hexadecimal).
  const code = character.charCodeAt(0);
  const row = code & ~0xf;
  const zero = /\p{Nd}/u.test(String.fromCharCode(row)) ? row : row + 6;
  return String(code - zero);
}

/** Full-width letters, digits and signs (U+FF01 to U+FF5E) to ASCII. */
export function foldWidth(character: string): string {
  const code = character.charCodeAt(0);
  return code >= 0xff01 && code <= 0xff5e ? String.fromCharCode(code - 0xfee0) : character;
}

/** For English: accents go too. Few English transcripts keep them, and a reader without them says the same. */
export function foldEnglish(text: string): string {
  return text.replace(/[`´]|[\u0080-\uffff]/g, (character) => {
    const known = PUNCTUATION[character] ?? LETTERS[character];
    if (known !== undefined) return known;
    const plain = foldDigit(foldWidth(character));
    if (plain !== character) return plain;
    const base = character.normalize('NFD').charAt(0);
    return /[A-Za-z]/.test(base) ? base : character;
  });
}

/** Numerals that Unicode counts as numbers, and the minus sign. */
const HAN_NUMERALS: Readonly<Record<string, string>> = {
  '−': '-',
  〇: '零',
  〡: '一',
  〢: '二',
  〣: '三',
  〤: '四',
  〥: '五',
  〦: '六',
  〧: '七',
  〨: '八',
  〩: '九',
  〸: '十',
  〹: '廿',
  〺: '卅',
};

/** For Chinese: digits, Latin letters and arithmetic signs. Chinese punctuation is Chinese and stays. */
export function foldChinese(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (character) => {
    const known = HAN_NUMERALS[character];
    if (known !== undefined) return known;
    const plain = foldDigit(foldWidth(character));
    return /[0-9A-Za-z%+\-=&@#$/]/.test(plain) ? plain : character;
  });
}
