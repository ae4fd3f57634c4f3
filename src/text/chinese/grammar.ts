/** Chinese in plain form: numbers, dates, times, money, units and signs in characters. After it no digit is left. */
import { foldChinese } from '../fold.ts';
import { type Grammar, rule, type Rule, textBefore } from '../rule.ts';
import { SILENCE } from '../symbols.ts';
import { cardinal, decimal, digitByDigit } from './numbers.ts';

const NUMBER = '(?:\\d{1,3}(?:,\\d{3}){1,5}(?!\\d)|\\d+)(?:\\.\\d+)?';
const RANGE = ' ?[-–—~～至] ?';

const CURRENCIES: Readonly<Record<string, string>> = {
  '¥': '元',
  '￥': '元',
  $: '美元',
  '€': '欧元',
  '£': '英镑',
};

const UNITS: Readonly<Record<string, string>> = {
  km: '公里',
  m: '米',
  cm: '厘米',
  mm: '毫米',
  'km²': '平方公里',
  'm²': '平方米',
  'm³': '立方米',
  kg: '公斤',
  g: '克',
  mg: '毫克',
  t: '吨',
  l: '升',
  L: '升',
  ml: '毫升',
  mL: '毫升',
  'km/h': '公里每小时',
  'm/s': '米每秒',
  '°C': '摄氏度',
  '℃': '摄氏度',
  '°F': '华氏度',
  '℉': '华氏度',
  '°': '度',
  Hz: '赫兹',
  kHz: '千赫',
  MHz: '兆赫',
  GHz: '吉赫',
  W: '瓦',
  kW: '千瓦',
  kWh: '千瓦时',
  V: '伏',
  mAh: '毫安时',
  h: '小时',
  min: '分钟',
  s: '秒',
  ms: '毫秒',
};
const UNIT = Object.keys(UNITS)
  .sort((a, b) => b.length - a.length)
  .join('|');

/** Words that count: before them 2 is 两. (月, 号, 日, 楼 and 班 name, and keep 二.) */
const MEASURE =
  '(?=[个只位天次件本张条种名块辆家座场斤倍组句岁点年周米吨人元万千亿份杯瓶根双对]|小时|分钟|公里|英里|星期)';

function calendarDate(year: string, month: string, day: string): string | undefined {
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) return undefined;
  return `${digitByDigit(year)}年${cardinal(String(Number(month)))}月${cardinal(String(Number(day)))}日`;
}

/** hours and minutes; '两点', '三点零五分' */
function clock([, hour = '', minute = '', second]: RegExpExecArray): string | undefined {
  if (Number(hour) > 24) return undefined;
  const hours = Number(hour) === 2 ? '两' : cardinal(String(Number(hour)));
  const minutes = Number(minute) > 0 || second !== undefined ? `${twoDigits(minute)}分` : '';
  return `${hours}点${minutes}${second === undefined ? '' : `${twoDigits(second)}秒`}`;
}

function twoDigits(digits: string): string {
  return digits.startsWith('0') ? digitByDigit(digits) : cardinal(digits);
}

const DIGITS: readonly Rule[] = [
  rule('(\\d{4})([-/.])(\\d{1,2})\\2(\\d{1,2})(?![\\d.])', ([, year = '', , month = '', day = '']) =>
    calendarDate(year, month, day),
  ),
  rule('(\\d{4})[-–—~至](\\d{4})(?=年)', ([, from = '', to = '']) => `${digitByDigit(from)}到${digitByDigit(to)}`),
  rule('(\\d{4})(?=年)', ([, year = '']) => digitByDigit(year)),
  rule('(\\d{1,2})[:：]([0-5]\\d)(?:[:：]([0-5]\\d))?(?![\\d:：])', clock),
  rule(
    '(\\d{1,3})[:：](\\d{1,3})(?![\\d:：])',
    ([, first = '', second = '']) => `${cardinal(first)}比${cardinal(second)}`,
  ),
  // mobile, land-line and service numbers
  rule('1[3-9]\\d{9}(?!\\d)', ([digits]) => digitByDigit(digits)),
  rule('(?:\\d{3,4}-){1,2}\\d{4,8}(?!\\d)', ([digits]) =>
    Array.from(digits.matchAll(/\d+/g), ([part]) => digitByDigit(part)).join('，'),
  ),
  rule(
    `(${NUMBER})%${RANGE}(${NUMBER})%`,
    ([, first = '', last = '']) => `百分之${decimal(first)}到百分之${decimal(last)}`,
  ),
  rule(`(${NUMBER})${RANGE}(${NUMBER})%`, ([, first = '', last = '']) => `百分之${decimal(first)}到${decimal(last)}`),
  rule(`(${NUMBER}) ?%`, ([, number = '']) => `百分之${decimal(number)}`),
  rule(`(${NUMBER}) ?‰`, ([, number = '']) => `千分之${decimal(number)}`),
  rule('(\\d{1,6})/(\\d{1,6})(?![\\d/])', ([, above = '', below = '']) => `${cardinal(below)}分之${cardinal(above)}`),
  rule('\\d+(?:\\.\\d+){2,}', ([version]) => version.split('.').map(cardinal).join('点')),
  rule(`2${MEASURE}`, (match) => (/(?:第|[\d.零〇年月])$/.test(textBefore(match)) ? undefined : '两')),
  rule(`(${NUMBER})(?=${RANGE}(?:${NUMBER}))`, ([, number = '']) => decimal(number)),
  rule(`(${NUMBER}) ?(${UNIT})(?![A-Za-z0-9²³])`, ([, number = '', unit = '']) => {
    const name = UNITS[unit] ?? unit;
    return number === '2' && !name.endsWith('度') ? `两${name}` : decimal(number) + name;
  }),
  rule(NUMBER, ([number]) => decimal(number)),
];

const MONEY = rule(`([¥￥$€£]) ?(${NUMBER}) ?([万亿]*)`, ([, sign = '', number = '', scale = '']) => {
  const amount = number === '2' ? '两' : decimal(number);
  return amount + scale + (CURRENCIES[sign] ?? '');
});

const HAN_OR_MARK = '[\\p{Script=Han}，。！？；：、“”‘’…]';
/** what the vocabularies of Chinese models have besides characters and letters */
const SPOKEN_MARKS = /[，。！？；：、“”‘’,.!?;:'"-]/;
const STANDARD_MARKS: Readonly<Record<string, string>> = {
  '「': '“',
  '」': '”',
  '『': '‘',
  '』': '’',
  '｡': '。',
  '､': '、',
};

const OTHERS: readonly Rule[] = [
  MONEY,
  // Chinese is written without spaces: one between two characters is layout
  rule(`(?<=${HAN_OR_MARK})\\s+(?=${HAN_OR_MARK}|\\d)|(?<=\\d)\\s+(?=\\p{Script=Han})`, ''),
  rule('(?<=[\\d%℃])(?:[-–—~～]| [-–~～] )(?=\\d)', '到'),
  rule('(?<![A-Za-z0-9])[-−](?=\\d[\\d.]* ?(?:℃|°C|度))', '零下'),
  rule('(?<![A-Za-z0-9])[-−](?=\\d)', '负'),
  // broken off, or a pause
  rule('\\s*(?:[—–―]+|--+)(?=[”’"]|\\s*$)', '...'),
  rule('\\s*(?:[—–―]+|--+)\\s*', '，'),
  rule('\\s*[（([【〔]\\s*', '，'),
  rule('[）)\\]】〕](?=[\\p{L}\\d])', '，'),
  rule('…+|\\.{3,}', '...'),
  rule('\\s+', ' '),
  rule('\\+', '加'),
  rule('=+', '等于'),
  rule('×', '乘以'),
  rule('÷', '除以'),
  rule('±', '正负'),
  rule('≈', '约等于'),
  rule('<(?=\\d)', '小于'),
  rule('>(?=\\d)', '大于'),
  rule('&', '和'),
  rule('%', '百分号'),
  rule('℃', '摄氏度'),
  SILENCE,
  rule('[^\\p{L}\\p{M}\\s]', ([character]) => {
    if (SPOKEN_MARKS.test(character)) return undefined;
    const plain = character.normalize('NFKC');
    const digits = /\d+/.exec(plain)?.[0];
    return STANDARD_MARKS[character] ?? (digits === undefined ? '' : cardinal(digits));
  }),
];

export const CHINESE: Grammar = {
  fold: foldChinese,
  plain: /[\p{Script=Han}A-Za-z，。！？；：、“”]+/uy,
  letters: [],
  digits: DIGITS,
  others: OTHERS,
  gap: '',
};
