/** Abbreviations of English, and initials. Each entry says when it is one, and whether its dot can end a sentence. */
import { rule, type Rule, textAfter, textBefore } from '../rule.ts';
import { spell } from './capitals.ts';
import { MONTH, monthName } from './dates-and-times.ts';
import { endsSentence, endsSentenceSurely } from './sentence-end.ts';

/** Stand before a name or a number, so that the dot is never a full stop. */
const BEFORE_NAMES: Readonly<Record<string, string>> = {
  'Mr.': 'Mister',
  'Mrs.': 'Missus',
  'Ms.': 'Miz',
  'Messrs.': 'Messieurs',
  'Prof.': 'Professor',
  'Rev.': 'Reverend',
  'Hon.': 'Honorable',
  'Gen.': 'General',
  'Col.': 'Colonel',
  'Maj.': 'Major',
  'Capt.': 'Captain',
  'Cpt.': 'Captain',
  'Cmdr.': 'Commander',
  'Lt.': 'Lieutenant',
  'Sgt.': 'Sergeant',
  'Pvt.': 'Private',
  'Adm.': 'Admiral',
  'Gov.': 'Governor',
  'Sen.': 'Senator',
  'Rep.': 'Representative',
  'Pres.': 'President',
  'Fr.': 'Father',
  'Mt.': 'Mount',
  'Ft.': 'Fort',
};

const NEVER_A_WORD = /^M(?:rs?|s)\.$/;

const BEFORE_NUMBERS: Readonly<Record<string, string>> = {
  'no.': 'number',
  'nos.': 'numbers',
  'p.': 'page',
  'pp.': 'pages',
  'vol.': 'volume',
  'vols.': 'volumes',
  'ch.': 'chapter',
  'sec.': 'section',
  'fig.': 'figure',
  'figs.': 'figures',
  'art.': 'article',
  'eq.': 'equation',
  'ex.': 'example',
  'c.': 'circa',
  'ca.': 'circa',
  'op.': 'opus',
  'v.': 'version',
  'ext.': 'extension',
  'apt.': 'apartment',
  'rm.': 'room',
  'bldg.': 'building',
  'chap.': 'chapter',
  'para.': 'paragraph',
  'ver.': 'version',
};

const NUMBER_FOLLOWS = /^ ?\d/;
/** 'pp. iv-vi', 'ch. ii': of books */
const NUMERAL_FOLLOWS = /^ ?(?=[ivx])x{0,3}(?:ix|iv|v?i{0,3})(?![a-z])/;
const OF_BOOKS = /^(?:pp?|vols?|ch(?:ap)?|sec|figs?|para)\.$/i;

/** Anywhere; the dot ends the sentence too when a capital or nothing follows. */
const ANYWHERE: Readonly<Record<string, string>> = {
  'etc.': 'et cetera',
  'vs.': 'versus',
  'Vs.': 'Versus',
  'cf.': 'compare',
  'viz.': 'namely',
  'approx.': 'approximately',
  'Approx.': 'Approximately',
  'appt.': 'appointment',
  'dept.': 'department',
  'est.': 'established',
  'govt.': 'government',
  'max.': 'maximum',
  'misc.': 'miscellaneous',
  'tel.': 'telephone',
  'Tel.': 'Telephone',
  'Inc.': 'Incorporated',
  'Ltd.': 'Limited',
  'Corp.': 'Corporation',
  'Co.': 'Company',
  'Bros.': 'Brothers',
  'Jr.': 'Junior',
  'Sr.': 'Senior',
  'Esq.': 'Esquire',
  'Ave.': 'Avenue',
  'Blvd.': 'Boulevard',
  'Rd.': 'Road',
  'Hwy.': 'Highway',
  'Dept.': 'Department',
  'Univ.': 'University',
};

/** 'Jan.', 'Max.' and 'Sat.' are names and words too: days and months need a date or a word about time beside them. */
const DAYS: Readonly<Record<string, string>> = {
  'Mon.': 'Monday',
  'Tue.': 'Tuesday',
  'Tues.': 'Tuesday',
  'Wed.': 'Wednesday',
  'Thu.': 'Thursday',
  'Thur.': 'Thursday',
  'Thurs.': 'Thursday',
  'Fri.': 'Friday',
  'Sat.': 'Saturday',
  'Sun.': 'Sunday',
};
const MONTH_ABBREVIATION = /^(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$/;
const DATE_FOLLOWS = new RegExp(`^,|^ (?:\\d|${MONTH})`);
const TIME_WORD = /\b(?:in|on|by|of|since|until|till|from|to|last|next|this|every|early|late|mid|and|or)[ -]$/i;

function day(written: string): string | undefined {
  return MONTH_ABBREVIATION.test(written) ? monthName(written) : DAYS[written];
}

/** With dots inside; these go on ... */
const DOTTED: Readonly<Record<string, string>> = {
  'e.g.': 'for example',
  'i.e.': 'that is',
  'a.k.a.': 'also known as',
};
/** ... and these may end their sentence. */
const HALF_DAYS: Readonly<Record<string, string>> = { 'a.m.': 'A.M', 'p.m.': 'P.M' };

const CAPITAL_FOLLOWS = /^ ?["']?[A-Z]/;

function withStop(words: string, match: RegExpExecArray): string {
  return endsSentence(textAfter(match)) ? `${words}.` : words;
}

function abbreviation(match: RegExpExecArray): string | undefined {
  const [written] = match;
  const after = textAfter(match);
  const title = BEFORE_NAMES[written];
  if (title !== undefined) return CAPITAL_FOLLOWS.test(after) || NEVER_A_WORD.test(written) ? title : undefined;
  if (NUMBER_FOLLOWS.test(after) || (OF_BOOKS.test(written) && NUMERAL_FOLLOWS.test(after))) {
    const numbered = BEFORE_NUMBERS[written.toLowerCase()];
    if (numbered !== undefined) return /^[A-Z][a-z]/.test(written) ? capitalised(numbered) : numbered;
  }
  const words =
    ANYWHERE[written] ?? (DATE_FOLLOWS.test(after) || TIME_WORD.test(textBefore(match)) ? day(written) : undefined);
  return words === undefined ? undefined : withStop(words, match);
}

function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const AFTER_NAME = /[A-Z][a-z]+ $/;

/** 'Dr. Smith' and 'Elm Dr.'; 'St. Paul' and 'Main St.' */
function titleOrRoad(title: string, road: string): Rule['say'] {
  return (match) => {
    const after = textAfter(match);
    const isAfterName = AFTER_NAME.test(textBefore(match));
    if (CAPITAL_FOLLOWS.test(after) && !(isAfterName && endsSentenceSurely(after))) return title;
    return isAfterName ? withStop(road, match) : undefined;
  };
}

function dotted(match: RegExpExecArray): string | undefined {
  const [written] = match;
  const lower = written.toLowerCase();
  const words = DOTTED[lower];
  if (words !== undefined) return words;
  const half = HALF_DAYS[lower];
  if (half !== undefined) return withStop(half, match);
  if (written !== written.toUpperCase()) return undefined;
  const letters = spell(written.replaceAll('.', ''));
  return endsSentenceSurely(textAfter(match)) ? `${letters}.` : letters;
}

/** 'J. Smith', 'John F. Kennedy': the letter without its dot. 'So did I.' and 'Vitamin C. The' are sentence ends. */
function initial(match: RegExpExecArray): string | undefined {
  const [, letter = ''] = match;
  const after = textAfter(match);
  if (!CAPITAL_FOLLOWS.test(after) || endsSentenceSurely(after)) return undefined;
  const before = textBefore(match);
  if (!NAME_PRECEDES.test(before) || LETTERED.test(before)) return undefined;
  return letter !== 'I' || /^ ?[A-Z]\./.test(after) ? letter : undefined;
}

/** the start, a capitalised word, another initial, or a word that introduces people */
const NAME_PRECEDES = /(?:^|[.!?,;:]["']? ?|["'(]|\b[A-Z][a-z]* |\b(?:and|by|to|with|from|of|for) )$/;
/** things that are told apart by a letter: 'Vitamin C.' */
const LETTERED =
  /\b(?:Vitamin|Plan|Type|Class|Group|Grade|Section|Appendix|Figure|Table|Part|Option|Hepatitis|Team|Unit|Model) $/i;

/** Tried at a letter. */
export const ABBREVIATION_RULES: readonly Rule[] = [
  rule('Ph(?:D(?![A-Za-z])|\\. ?D\\.)', (match) => (match[0].endsWith('.') ? withStop('P.H.D', match) : 'P.H.D')),
  rule('(?:[A-Za-z]\\.){2,12}(?![A-Za-z])', dotted),
  rule('Dr\\.', titleOrRoad('Doctor', 'Drive')),
  rule('St\\.', titleOrRoad('Saint', 'Street')),
  rule('(?:Mr|Mrs|Ms|Dr)(?= [A-Z])', ([title]) => ({ Mr: 'Mister', Mrs: 'Missus', Ms: 'Miz', Dr: 'Doctor' })[title]),
  // the British way, without dots
  rule('(St|Mt)(?= [A-Z][a-z])', (match) =>
    AFTER_NAME.test(textBefore(match)) ? undefined : match[1] === 'St' ? 'Saint' : 'Mount',
  ),
  rule('St|Ave|Rd', (match) => {
    const isRoad =
      /(?:[A-Z][a-z]+|\d(?:st|nd|rd|th)) $/.test(textBefore(match)) && !/^[A-Za-z.]/.test(textAfter(match));
    return isRoad ? { St: 'Street', Ave: 'Avenue', Rd: 'Road' }[match[0]] : undefined;
  }),
  rule('[A-Za-z]{1,7}\\.', abbreviation),
  rule('([A-Z])\\.', initial),
  rule('al\\.', (match) => (/\bet $/.test(textBefore(match)) ? withStop('al', match) : undefined)),
  rule('vs(?![A-Za-z.])', 'versus'),
  rule('c/o(?= )', 'care of'),
  rule('b/c(?![A-Za-z])', 'because'),
  rule('n/a(?![A-Za-z])|N/A(?![A-Za-z])', 'not applicable'),
  rule('w/o(?= )', 'without'),
  rule('w/(?= ?[a-z])', 'with '),
];
