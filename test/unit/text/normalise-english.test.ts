import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalise } from '../../../src/text/normalise.ts';
import { cardinal, ordinal, year } from '../../../src/text/english/numbers.ts';

type Table = readonly (readonly [written: string, spoken: string])[];

/** Cases by matter. A first letter is capital where a number begins the sentence. */
const TABLES: Readonly<Record<string, Table>> = {
  'whole numbers': [
    ['It is 0', 'It is zero'],
    ['with 13', 'with thirteen'],
    ['with 20', 'with twenty'],
    ['with 42', 'with forty-two'],
    ['with 105', 'with one hundred five'],
    ['with 110', 'with one hundred ten'],
    ['with 999', 'with nine hundred ninety-nine'],
    ['with 1,001', 'with one thousand one'],
    ['with 12,345', 'with twelve thousand three hundred forty-five'],
    ['with 1,000,000', 'with one million'],
    ['with 2500000', 'with two million five hundred thousand'],
    ['with 1,000,000,000,000,000', 'with one quadrillion'],
    ['code 007', 'code zero zero seven'],
    [
      'with 1234567890123456789',
      'with one two three four five six seven eight nine zero one two three four five six seven eight nine',
    ],
    ['7 dwarfs', 'Seven dwarfs'],
    ['It ended. 7 came.', 'It ended. Seven came.'],
  ],
  'signs and decimals': [
    ['at -5', 'at minus five'],
    ['at −5', 'at minus five'],
    ['at +3', 'at plus three'],
    ['at 3.14', 'at three point one four'],
    ['at 0.05', 'at zero point zero five'],
    ['at .5', 'at point five'],
    ['at 1,234.50', 'at one thousand two hundred thirty-four point five zero'],
    ['±2', 'Plus or minus two'],
    ['about 2.', 'about two.'],
    ['version 2.1.3', 'version two point one point three'],
  ],
  ordinals: [
    ['the 1st', 'the first'],
    ['the 2nd', 'the second'],
    ['the 3rd', 'the third'],
    ['the 5th', 'the fifth'],
    ['the 12th', 'the twelfth'],
    ['the 20th century', 'the twentieth century'],
    ['the 21st', 'the twenty-first'],
    ['the 100th', 'the one hundredth'],
    ['the 1,000th', 'the one thousandth'],
    ['a 19th-century house', 'a nineteenth-century house'],
  ],
  years: [
    ['in 1999', 'in nineteen ninety-nine'],
    ['in 2024', 'in twenty twenty-four'],
    ['in 2000', 'in two thousand'],
    ['in 2009', 'in two thousand nine'],
    ['in 1905', 'in nineteen oh five'],
    ['in 1900', 'in nineteen hundred'],
    ['in 1066 and 1492', 'in ten sixty-six and fourteen ninety-two'],
    ['about 1024 bytes', 'about one thousand twenty-four bytes'],
    ['the 1990s', 'the nineteen nineties'],
    ["the '90s", 'the nineties'],
    ['the 80s', 'the eighties'],
    ['the 2000s', 'the two thousands'],
    ['the 1800s', 'the eighteen hundreds'],
    ['from 1914–1918', 'from nineteen fourteen to nineteen eighteen'],
    ['from 1939-45', 'from nineteen thirty-nine to forty-five'],
    ['with 1500 people', 'with one thousand five hundred people'],
    ['summer of ’69', 'summer of sixty-nine'],
  ],
  dates: [
    ['on March 5, 2024', 'on March fifth, twenty twenty-four'],
    ['on March 5th', 'on March fifth'],
    ['on Mar. 5', 'on March fifth'],
    ['on 5 March 2024', 'on the fifth of March, twenty twenty-four'],
    ['on the 5th of March', 'on the fifth of March'],
    ['on 2024-03-05', 'on March fifth, twenty twenty-four'],
    ['on 5/3/2024', 'on May third, twenty twenty-four'],
    ['on 13/3/2024', 'on March thirteenth, twenty twenty-four'],
    ['on 5/3/24', 'on May third, twenty twenty-four'],
    ['on 7/4/76', 'on July fourth, nineteen seventy-six'],
    ['on 5.3.2024', 'on March fifth, twenty twenty-four'],
    ['in May 1999', 'in May nineteen ninety-nine'],
    ['May 5–7', 'May fifth to seventh'],
    ['in Jan. He', 'in January. He'],
    ['said Jan. He', 'said Jan. He'],
  ],
  times: [
    ['at 3:45 pm', 'at three forty-five P M'],
    ['at 3:45 p.m. today', 'at three forty-five P M today'],
    ['at 5 p.m. He left.', 'at five P M. He left.'],
    ['at 3pm', 'at three P M'],
    ['at 17:30', 'at seventeen thirty'],
    ['at 9:05', 'at nine oh five'],
    ['at 3:00', "at three o'clock"],
    ['at 17:00', 'at seventeen hundred'],
    ['a ratio of 3:1', 'a ratio of three to one'],
    ['9–11 a.m.', 'Nine to eleven A M.'],
  ],
  money: [
    ['for $5', 'for five dollars'],
    ['for $1', 'for one dollar'],
    ['for $1,234.56', 'for one thousand two hundred thirty-four dollars and fifty-six cents'],
    ['for $0.01', 'for one cent'],
    ['for £3.50', 'for three pounds and fifty pence'],
    ['for £1', 'for one pound'],
    ['for €20', 'for twenty euros'],
    ['for 20 €', 'for twenty euros'],
    ['for ¥1000', 'for one thousand yen'],
    ['for $5 million', 'for five million dollars'],
    ['for $1.5bn', 'for one point five billion dollars'],
    ['for $5k', 'for five thousand dollars'],
    ['for -$5', 'for minus five dollars'],
    ['for $10–20', 'for ten to twenty dollars'],
    ['for US$5', 'for five U S dollars'],
    ['for USD 5', 'for five dollars'],
  ],
  'percent, ranges, fractions': [
    ['by 50%', 'by fifty percent'],
    ['by 2.5 %', 'by two point five percent'],
    ['by 5%-10%', 'by five percent to ten percent'],
    ['10–20 people', 'Ten to twenty people'],
    ['pp. 5–7', 'Pages five to seven'],
    ['a 1/2 mile', 'a one half mile'],
    ['a ½ mile', 'a one half mile'],
    ['with 3/4', 'with three quarters'],
    ['with 2 1/2 cups', 'with two and a half cups'],
    ['with 2¾ cups', 'with two and three quarters cups'],
    ['with 13/17', 'with thirteen over seventeen'],
    ['open 24/7', 'open twenty-four seven'],
  ],
  units: [
    ['for 10 km', 'for ten kilometers'],
    ['for 1 km', 'for one kilometer'],
    ['a 5-km run', 'a five kilometer run'],
    ['with 3kg', 'with three kilograms'],
    ['at 100 km/h', 'at one hundred kilometers per hour'],
    ['at 1 mph', 'at one mile per hour'],
    ['at 60 mph', 'at sixty miles per hour'],
    ['at -5°C', 'at minus five degrees Celsius'],
    ['at 98.6 °F', 'at ninety-eight point six degrees Fahrenheit'],
    ['with 5 GB', 'with five gigabytes'],
    ['with 1 ft', 'with one foot'],
    ['with 6 ft', 'with six feet'],
    ['with 20 m²', 'with twenty square meters'],
    ['at 2.4 GHz', 'at two point four gigahertz'],
    ['5\'10" tall', 'Five feet ten inches tall'],
    ['a 4x4', 'a four by four'],
  ],
  'digit groups': [
    ['call 555-0134', 'call five five five, zero one three four'],
    ['call (212) 555-0187', 'call two one two, five five five, zero one eight seven'],
    ['call 212-555-0187', 'call two one two, five five five, zero one eight seven'],
    ['call +44 20 7946 0958', 'call plus four four, two zero, seven nine four six, zero nine five eight'],
    ['card 4111 1111 1111 1111', 'card four one one one, one one one one, one one one one, one one one one'],
  ],
  'Roman numerals': [
    ['Chapter IV', 'Chapter four'],
    ['PART II', 'Part two'],
    ['World War II', 'World War two'],
    ['Louis XIV was', 'Louis the fourteenth was'],
    ["Elizabeth II's", "Elizabeth the second's"],
    ['Charles I was', 'Charles the first was'],
    ['Mary I think', 'Mary I think'],
    ['the part I like', 'the part I like'],
    ['Vitamin C', 'Vitamin C'],
  ],
  abbreviations: [
    ['Dr. Smith', 'Doctor Smith'],
    ['on Elm Dr.', 'on Elm Drive.'],
    ['Mr. and Mrs. Lee', 'Mister and Missus Lee'],
    ['St. Paul', 'Saint Paul'],
    ['on Main St. The house', 'on Main Street. The house'],
    ['e.g. this, i.e. that', 'For example this, that is that'],
    ['and so on, etc. Then', 'and so on, et cetera. Then'],
    ['us vs. them', 'us versus them'],
    ['No. 5', 'Number five'],
    ['I said no. Never.', 'I said no. Never.'],
    ['approx. 5', 'Approximately five'],
    ['the U.S. Army', 'the U S Army'],
    ['in the U.S. The end', 'in the U S. The end'],
    ['J. K. Rowling', 'J K Rowling'],
    ['John F. Kennedy', 'John F Kennedy'],
    ['So did I. Then', 'So did I. Then'],
    ['said Max. He', 'said Max. He'],
    ['a Ph.D. student', 'a P H D student'],
    ['tea w/o sugar', 'tea without sugar'],
  ],
  capitals: [
    ['the FBI', 'the F B I'],
    ['the BBC', 'the B B C'],
    ['at NASA', 'at Nasa'],
    ['two CPUs', "two C P U's"],
    ['STOP RIGHT THERE', 'Stop Right There'],
    ["DON'T", "Don't"],
    ['JOIN US TODAY', 'Join Us Today'],
    ['a US ship', 'a U S ship'],
    ['AT&T', 'A T and T'],
    ['MP3', 'M P three'],
    ['COVID-19', 'Covid-nineteen'],
    ['OK, go', 'Okay, go'],
    ['iPhone and McDonald', 'iPhone and McDonald'],
  ],
  symbols: [
    ['R&D', 'R and D'],
    ['me @ home', 'me at home'],
    ['#1', 'Number one'],
    ['2 + 2 = 4', 'Two plus two equals four'],
    ['and/or', 'and or'],
    ['wait… what', 'wait... what'],
    ['wait . . . what', 'wait... what'],
    ['here—there', 'here, there'],
    ['here – there', 'here, there'],
    ['“I thought—” she', '"I thought..." she'],
    ['“It’s ‘so’”', "\"It's 'so'\""],
    ['left (at noon) and', 'left, at noon, and'],
    ['left (at noon).', 'left, at noon.'],
    ['*bold* and _low_', 'bold and low'],
    ['a well-known man', 'a well-known man'],
    ['• one', 'one'],
    ['example.com', 'Example dot com'],
    ['x²', 'x squared'],
  ],
  'forms of characters': [
    ['ＡＢＣ１２３！', 'A B C one hundred twenty-three!'],
    ['café naïve', 'cafe naive'],
    ['a cafe\u0301', 'a cafe'],
    ['Straße', 'Strasse'],
    ['a ﬁne day', 'a fine day'],
    ['٣ apples', 'Three apples'],
    ['Hi 😀👨‍👩‍👧 there', 'Hi there'],
    ['soft\u00adhyphen', 'softhyphen'],
    ['a\u00a0b\t c', 'a b c'],
    ['hello , world', 'hello, world'],
  ],
};

for (const [matter, table] of Object.entries(TABLES)) {
  test(`English ${matter} are said as people say them`, () => {
    for (const [written, spoken] of table) assert.equal(normalise(written, 'en'), spoken);
  });
}

test('what is normalised stays as it is', () => {
  for (const [, spoken] of Object.values(TABLES).flat()) {
    if (/\b[A-Z] [A-Z]\b|Max|Jan/.test(spoken)) continue; // spelled letters may be read as initials
    assert.equal(normalise(spoken, 'en'), spoken);
  }
});

test('English leaves only letters, space and the marks that a model without digits knows', () => {
  const everything = Array.from({ length: 0x2fff }, (_, code) => String.fromCharCode(code + 1)).filter(
    (character) => !/\p{L}/u.test(character) || /\p{Script=Latin}/u.test(character),
  );
  for (const character of everything) {
    assert.match(
      normalise(`a ${character} b`, 'en'),
      /^[A-Za-z.,!?;:'" \p{Script=Latin}-]*$/u,
      JSON.stringify(character),
    );
  }
});

test('numbers in words reach a quadrillion and every ordinal and year has its form', () => {
  assert.equal(cardinal('999999999999999999').split(' ')[0], 'nine');
  assert.equal(ordinal('1000000000'), 'one billionth');
  assert.equal(ordinal('90'), 'ninetieth');
  assert.equal(year('1010'), 'ten ten');
});
