import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { PAUSE_MS } from '../../../src/text/pauses.ts';
import { segmentText } from '../../../src/text/segment-text.ts';
import { assertNothingLost } from './random-text.ts';
import { assertRefused, pauses, said, written } from './spoken.ts';

const speak = (content: string) => `<speak>${content}</speak>`;

test('elements are not said, and their text is', () => {
  for (const [content, expected] of [
    ['Good <emphasis level="strong">morning</emphasis>.', ['Good morning.']],
    ['<p>One.</p><p>Two.</p>', ['One.', 'Two.']],
    ['\n  <p>One\n   is\tone.</p>\n', ['One is one.']],
    ['<s>One</s><s>Two.</s> Three.', ['One', 'Two. Three.']],
    ['Tom &amp; Jerry &#x6c49;<!-- not this -->', ['Tom and Jerry 汉']],
    ['<![CDATA[a < b]]>', ['a less than b']],
    ['It is <sub alias="World Wide Web Consortium">W3C</sub>.', ['It is World Wide Web Consortium.']],
    ['It is <sub alias="3 km">x</sub>.', ['It is three kilometers.']],
    ['a<break strength="none"/>b <break time="0s"/>c', ['ab c']],
  ] as const) {
    assert.deepEqual(said(speak(content), 'ssml'), expected, content);
  }
});

test('the root may say version, language and name space', () => {
  const text =
    '<?xml version="1.0"?>\n<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" xml:lang="en-US">Hi there.</speak>\n';
  assert.deepEqual(said(text, 'ssml'), ['Hi there.']);
});

test('voices and rates are those of the elements around', () => {
  for (const [content, expected] of [
    [
      'Hi <voice name="anna">there <voice name="ben">you</voice> two</voice>.',
      ['Hi', 'anna: there', 'ben: you', 'anna: two.'],
    ],
    ['<prosody rate="slow">a <prosody rate="default">b</prosody></prosody>', ['0.8: a', 'b']],
    ['<prosody rate="80%">a</prosody>', ['0.8: a']],
    ['<prosody rate="-20%">a</prosody>', ['0.8: a']],
    ['<prosody rate="+25%">a</prosody>', ['1.25: a']],
    ['<prosody rate="1.5">a</prosody>', ['1.5: a']],
    ['<prosody rate="x-slow">a</prosody> <prosody rate="x-fast">b</prosody>', ['0.64: a', '1.56: b']],
    ['<voice name="anna"><prosody rate="fast"><p>a</p><p>b</p></prosody></voice>', ['anna 1.25: a', 'anna 1.25: b']],
  ] as const) {
    assert.deepEqual(said(speak(content), 'ssml'), expected, content);
  }
});

test('the language is that of the nearest element that names one, and of each sentence where none does', () => {
  const languages = (text: string) =>
    segmentText(text, { language: 'auto', fallback: 'en', maxBytes: 200, markup: 'ssml' }).map(
      ({ spoken, language }) => [language, spoken],
    );
  assert.deepEqual(languages('<speak xml:lang="en-US">It is <lang xml:lang="zh-CN">12</lang> or 12.</speak>'), [
    ['en', 'It is'],
    ['zh', '十二'],
    ['en', 'or twelve.'],
  ]);
  assert.deepEqual(languages('<speak>It is mine. 这是我的书。</speak>'), [
    ['en', 'It is mine.'],
    ['zh', '这是我的书。'],
  ]);
  const date = '<say-as interpret-as="date" format="dmy">05/03/2024</say-as>';
  assert.deepEqual(languages(`<speak xml:lang="en-GB">On ${date}.</speak>`), [
    ['en', 'On the fifth of March, twenty twenty-four.'],
  ]);
});

test('say-as says its text by the rule that it names', () => {
  for (const [kind, text, expected] of [
    ['cardinal', '1,234', 'one thousand two hundred thirty-four'],
    ['ordinal', '3', 'third'],
    ['characters', 'ABC-12', 'A.B.C dash one two'],
    ['spell-out', 'it', 'I.T'],
    ['date" format="mdy', '3/5/2024', 'March fifth, twenty twenty-four'],
    ['date" format="yyyymmdd', '20240305', 'March fifth, twenty twenty-four'],
    ['time', '14:30', 'fourteen thirty'],
    ['time" format="hms12', '2:30pm', 'two thirty P.M'],
    ['telephone', '555-0187', 'five five five, zero one eight seven'],
    ['fraction', '3/4', 'three quarters'],
    ['unit', '5 km', 'five kilometers'],
  ] as const) {
    const content = `It is <say-as interpret-as="${kind}">${text}</say-as> here.`;
    assert.deepEqual(said(speak(content), 'ssml'), [`It is ${expected} here.`], content);
  }
});

test('phonemes in pinyin are readings, one a character', () => {
  const phoneme = '<phoneme alphabet="pinyin" ph="chong2 qing4">重庆</phoneme>';
  assert.deepEqual(said(speak(`我在${phoneme}。`), 'ssml'), ['我在{重庆|chong2 qing4}。']);
  assert.deepEqual(said(speak('<phoneme alphabet="x-pinyin" ph="háng">行</phoneme>长'), 'ssml'), ['{行|háng}长']);
});

test('breaks are pauses: of their time, or of what their strength stands for', () => {
  for (const [content, expected] of [
    ['a<break time="2s"/>b', [2000, 0]],
    ['a<break time="1.5s" strength="weak"/>b', [1500, 0]],
    ['a<break/>b', [PAUSE_MS.sentence, 0]],
    ['a<break strength="weak"/>b<break strength="strong"/>c', [PAUSE_MS.clause, PAUSE_MS.paragraph, 0]],
    ['<p>a</p><break time="3s"/><p>b</p>', [3000, 0]],
    ['<p>a</p><p>b</p>', [PAUSE_MS.paragraph, 0]],
    ['<s>a</s><s>b</s>', [PAUSE_MS.sentence, 0]],
  ] as const) {
    assert.deepEqual(pauses(speak(content), 'ssml'), expected, content);
  }
});

test('what is written is the source, each element with its text', () => {
  const text = speak(
    '<p>One <voice name="anna">two</voice>.</p>\n<p>Three <break time="1s"/> <sub alias="four">4</sub></p>',
  );
  assert.deepEqual(written(text, 'ssml'), [
    '<speak><p>One',
    '<voice name="anna">two</voice>.</p>',
    '<p>Three <break time="1s"/>',
    '<sub alias="four">4</sub></p></speak>',
  ]);
  assertNothingLost(text, written(text, 'ssml'));
});

test('what it cannot read is an error with its place', () => {
  for (const [text, place, message] of [
    ['Hello.', '1:', /not well-formed XML/],
    ['<p>a</p>', '1:1', /begins with <p>/],
    [speak('a\n<audio src="x"/>'), '2:1', /the element <audio>, which is not read/],
    [speak('a <mark name="x"/>'), '1:10', /the element <mark>/],
    [speak('a <constructor>b</constructor>'), '1:10', /the element <constructor>/],
    [speak('<speak>a</speak>'), '1:8', /a <speak> within another/],
    [speak('<prosody pitch="high">a</prosody>'), '1:8', /the attribute pitch on <prosody>/],
    [speak('<prosody>a</prosody>'), '1:8', /<prosody> without rate/],
    [speak('<prosody rate="fastest">a</prosody>'), '1:8', /the rate "fastest"/],
    [speak('<prosody rate="300%">a</prosody>'), '1:8', /the rate "300%", which is 3 times the voice's own/],
    [speak('<voice>a</voice>'), '1:8', /<voice> without name/],
    [speak('<voice gender="female">a</voice>'), '1:8', /the attribute gender on <voice>/],
    [speak('a <voice name="nobody">a</voice>'), '1:10', /the voice "nobody", which is not there; there are anna/],
    [speak('<lang xml:lang="?">a</lang>'), '1:8', /the language "\?"/],
    [speak('<say-as interpret-as="expletive">a</say-as>'), '1:8', /interpret-as="expletive", which is not read/],
    [speak('<say-as interpret-as="date" format="xyz">1</say-as>'), '1:8', /the format "xyz" for "date"/],
    [speak('It is <say-as interpret-as="cardinal">many</say-as>'), '1:14', /"many", which cannot be said as cardinal/],
    [speak('<say-as interpret-as="ordinal"><p>1</p></say-as>'), '1:39', /<p> within <say-as>, which holds text only/],
    [speak('<say-as interpret-as="ordinal"> </say-as>'), '1:8', /<say-as> without a text/],
    [speak('<phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme>'), '1:8', /phonemes in the alphabet "ipa"/],
    [speak('<phoneme alphabet="pinyin" ph="hang2">银行</phoneme>'), '1:8', /the reading "hang2" for "银行"/],
    [speak('<phoneme alphabet="pinyin" ph="x">行</phoneme>'), '1:8', /the reading "x"/],
    [speak('<break time="soon"/>'), '1:8', /a break of the time "soon"/],
    [speak('<break time="1m"/>'), '1:8', /a break of the time "1m"/],
    [speak('<break time="20s"/>'), '1:8', /20000 ms; the limit is 10000 ms/],
    [speak('<break strength="big"/>'), '1:8', /a break of the strength "big"/],
    [speak('<break>a</break>'), '1:15', /a text within <break>/],
    [speak('<s><p>a</p></s>'), '1:11', /<p> within <s>/],
    ['<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>', '1:', /definitions/],
    [speak('&nbsp;'), '1:', /not well-formed XML/],
    [speak('<p>'.repeat(60)), '1:11', /<p> within <p>/],
    [speak('<emphasis>'.repeat(60)), '1:', /deep; the limit is 50/],
  ] as const) {
    if (place.endsWith(':')) assert.throws(() => said(text, 'ssml'), { code: 'item_invalid', message }, text);
    else assertRefused(text, 'ssml', place, message);
  }
});

test('the example of docs/text.md is read as it says', async () => {
  const docs = await readFile(new URL('../../../docs/text.md', import.meta.url), 'utf8');
  const example = /```xml\n([\s\S]+?)```/.exec(docs)?.[1] ?? '';
  assert.deepEqual(said(example.replace('"rms"', '"anna"'), 'ssml'), [
    'The door opened.',
    'anna: Who is there?',
    'It is fourteen oh five',
    '0.8: Remember that.',
    'She works for the World Wide Web Consortium.',
    'Call two one two five five five zero one eight seven.',
  ]);
});
