/** Addresses of the net in English words. */
import { addressRules, IP_ADDRESS } from '../addresses.ts';
import { rule, type Rule } from '../rule.ts';
import { cardinal, digitByDigit } from './numbers.ts';

/** Longer numbers are read digit by digit. */
const LONGEST_NUMBER = 4;

/** Tried at a letter. */
export const ADDRESS_RULES: readonly Rule[] = addressRules({
  signs: {
    '.': 'dot',
    '/': 'slash',
    '-': 'dash',
    _: 'underscore',
    ':': 'colon',
    '~': 'tilde',
    '+': 'plus',
    '=': 'equals',
    '&': 'and',
    '%': 'percent',
    '@': 'at',
  },
  number: (digits) => (digits.length <= LONGEST_NUMBER ? cardinal(digits) : digitByDigit(digits)),
  gap: ' ',
  www: 'w w w dot ',
});

/** Tried at a digit. */
export const IP_ADDRESS_RULES: readonly Rule[] = [
  rule(IP_ADDRESS, ([address]) => address.split('.').map(cardinal).join(' dot ')),
];
