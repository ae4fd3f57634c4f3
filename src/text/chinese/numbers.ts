/** Chinese numbers in characters, as they are said: 十五, 一百零五, 两千, 一万零三. All inputs are ASCII digits. */

const DIGITS = '零一二三四五六七八九';
const PLACES = ['', '十', '百', '千'] as const;
/** every four digits; above 10^16 there is no common word, and digits are read one by one */
const GROUPS = ['', '万', '亿', '万亿'] as const;
const LONGEST_CARDINAL = GROUPS.length * 4;

/** '2024' -> '二零二四' */
export function digitByDigit(digits: string): string {
  return Array.from(digits, (digit) => DIGITS.charAt(Number(digit))).join('');
}

/** The same for what is dialled or stands on a door: 一 is 幺 there, which nobody takes for 七. */
export function codeDigits(digits: string): string {
  return digitByDigit(digits).replaceAll('一', '幺');
}

/** Up to four digits, zeros inside said once: '1005' -> '一千零五'. */
function group(digits: string): string {
  let spoken = '';
  let zeroPending = false;
  Array.from(digits).forEach((digit, index) => {
    const place = PLACES[digits.length - 1 - index] ?? '';
    if (digit === '0') {
      zeroPending = spoken !== '';
      return;
    }
    if (zeroPending) spoken += '零';
    zeroPending = false;
    spoken += (digit === '2' && place === '千' ? '两' : digitByDigit(digit)) + place;
  });
  return spoken;
}

/** '105' -> '一百零五', '20000' -> '两万'. Digit by digit with a leading zero or above 16 digits. */
export function cardinal(digits: string): string {
  if (digits.length > LONGEST_CARDINAL || (digits.length > 1 && digits.startsWith('0'))) return digitByDigit(digits);
  const groups = digits.padStart(Math.ceil(digits.length / 4) * 4, '0').match(/\d{4}/g) ?? [];
  let spoken = '';
  groups.forEach((digitsOfGroup, index) => {
    const value = Number(digitsOfGroup);
    if (value === 0) return;
    const isAfterZero = digitsOfGroup.startsWith('0') || Number(groups[index - 1]) === 0;
    if (spoken !== '' && isAfterZero) spoken += '零';
    const place = groups.length - 1 - index;
    // 一万二千亿: the 亿 of 万亿 is said once, by the group after it if there is one
    const unit = place === 3 && Number(groups[index + 1]) > 0 ? '万' : (GROUPS[place] ?? '');
    spoken += (value === 2 && place > 0 ? '两' : group(String(value))) + unit;
  });
  if (spoken === '') return DIGITS.charAt(0);
  return spoken.startsWith('一十') ? spoken.slice(1) : spoken;
}

/** '1,234.50' -> '一千二百三十四点五零' */
export function decimal(written: string): string {
  const [whole = '', fraction = ''] = written.replaceAll(',', '').split('.');
  const spoken = cardinal(whole === '' ? '0' : whole);
  return fraction === '' ? spoken : `${spoken}点${digitByDigit(fraction)}`;
}
