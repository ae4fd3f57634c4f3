import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LexiconEntry } from '../../../src/core/lexicon.ts';
import { Lexicon, lexiconStack } from '../../../src/text/lexicon.ts';
import { normalise } from '../../../src/text/normalise.ts';
import { segmentText } from '../../../src/text/segment-text.ts';
import { assertNothingLost } from './random-text.ts';

const ENTRIES: readonly LexiconEntry[] = [
  { written: 'gif', spoken: 'jif' },
  { written: 'Polish', spoken: 'Poe-lish' },
  { written: 'New York', spoken: 'the city' },
  { written: 'New York Times', spoken: 'the paper' },
  { written: "O'Brien", spoken: 'Oh Brian' },
  { written: 'Dr. No', spoken: 'Doctor No' },
  { written: 'GB', spoken: 'gig' },
  { written: 'Paris', spoken: 'Paree', language: 'fr' },
  { written: 'chat', spoken: 'shah', language: 'fr' },
  { written: 'chat', spoken: 'tchat' },
  { written: '行长', spoken: '{行|hang2}长', language: 'zh' },
];
const LEXICON = new Lexicon(ENTRIES);

test('a word of the lexicon is said as the lexicon says', () => {
  for (const [language, written, spoken] of [
    ['en', 'A gif, a GIF.', 'A jif, a jif.'],
    ['en', 'Polish and polish', 'Poe-lish and polish'],
    ['en', 'gifs are no word of it', 'gifs are no word of it'],
    ['en', 'the New York Times of New York', 'the the paper of the city'],
    ['en', 'O’Brien saw Dr. No on 5/3/2024', 'Oh Brian saw Doctor No on May third, twenty twenty-four'],
    ['en', 'with 5 GB', 'with five gig'],
    ['en', 'Paris, chat', 'Paris, tchat'],
    ['fr', 'Paris, chat', 'Paree, shah'],
    ['zh', '银行行长来了3次', '银行{行|hang2}长来了三次'],
  ] as const) {
    assert.equal(normalise(written, language, { lexicon: LEXICON }), spoken);
  }
});

test('also where nothing is normalised', () => {
  assert.equal(normalise('5 gif — now', 'en', { lexicon: LEXICON, normalise: 'off' }), '5 jif — now');
});

test('only the segments that it changes are spoken anew', () => {
  const text = `${'This sentence is long enough to be spoken by itself, I think. '.repeat(3)}It has a gif in it, and it is long enough as well.`;
  const options = { language: 'en', maxBytes: 100 };
  const without = segmentText(text, options).map(({ spoken }) => spoken);
  const within = segmentText(text, { ...options, lexicon: LEXICON });
  assert.deepEqual(
    within.map(({ spoken }, index) => spoken === without[index]),
    [true, true, true, false],
  );
  assertNothingLost(
    text,
    within.map(({ written }) => written),
  );
});

test('its digest is that of what it says, in any order', () => {
  assert.equal(new Lexicon([...ENTRIES].reverse()).digest, LEXICON.digest);
  assert.notEqual(new Lexicon([...ENTRIES, { written: 'x', spoken: 'y' }]).digest, LEXICON.digest);
  assert.equal(new Lexicon([...ENTRIES, { written: 'gif', spoken: 'jif' }]).size, ENTRIES.length);
});

test('of several lexicons the nearest counts, but the longest word first', () => {
  const job = new Lexicon([
    { written: 'gif', spoken: 'job' },
    { written: 'SQL', spoken: 'job', matchCase: false },
  ]);
  const voice = new Lexicon([
    { written: 'gif', spoken: 'voice', language: 'en' },
    { written: 'GIF', spoken: 'exact voice' },
    { written: 'Emma', spoken: 'voice' },
  ]);
  const deployment = new Lexicon([
    { written: 'Emma', spoken: 'deployment' },
    { written: 'SQL Server', spoken: 'deployment' },
    { written: 'word', spoken: 'deployment' },
  ]);
  const lexicon = lexiconStack([job, voice, deployment]);
  assert.equal(
    normalise('A gif, GIF, Emma, SQL, SQL Server, sql, word', 'en', { lexicon }),
    'A job, job, voice, job, deployment, job, deployment',
  );
  assert.equal(
    normalise('A gif, Emma', 'en', { lexicon: lexiconStack([deployment, voice, job]) }),
    'A voice, deployment',
  );
  assert.deepEqual(lexiconStack([]).matches('gif', 'en'), []);
});

test('a voice that the text switches to has its own words', () => {
  const words = {
    anna: new Lexicon([{ written: 'gif', spoken: 'anna' }]),
    own: new Lexicon([{ written: 'gif', spoken: 'own' }]),
  };
  const segments = segmentText('A gif it is.\n\n[voice:anna] A gif it is.', {
    language: 'en',
    maxBytes: 100,
    markup: 'tags',
    voices: new Map([['anna', { language: 'en' }]]),
    lexiconOf: (voice) => (voice === 'anna' ? words.anna : words.own),
  });
  assert.deepEqual(
    segments.map(({ spoken, voice }) => [spoken, voice]),
    [
      ['A own it is.', undefined],
      ['A anna it is.', 'anna'],
    ],
  );
});
