/** The endpoint: a queue that nobody can look into, instances that take from it, and what becomes of each invocation. */
import { setTimeout as delay } from 'node:timers/promises';
import { Account } from './account.ts';
import type { Aws, NotificationTarget } from './aws.ts';
import { type Answer, answered, NO_ANSWER } from './call-container.ts';
import type { Chance } from './chance.ts';
import type { ContainerCommand } from './container-process.ts';
import { Fleet } from './fleet.ts';
import type { Instance } from './instance.ts';
import { Metrics } from './metrics.ts';
import { notificationOf, TEST_NOTIFICATION } from './notification.ts';
import type { Invocation, OutputPaths } from './read-invocation.ts';
import type { Knobs } from './settings.ts';

export interface EndpointOptions extends OutputPaths {
  readonly name: string;
  readonly region: string;
  readonly containers: ContainerCommand | readonly string[];
  readonly instancesMax: number;
  /** of completed invocations and of failed ones; absent: nobody is told */
  readonly successTarget: NotificationTarget | undefined;
  readonly errorTarget: NotificationTarget | undefined;
  /** real milliseconds of one of the endpoint's seconds */
  readonly secondMs: number;
  readonly aws: Aws;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

/** One delivery of an invocation. */
interface Delivery {
  readonly invocation: Invocation;
  readonly queuedAtMs: number;
  /** what is to go wrong with it */
  fault: 'none' | 'fail' | 'hang' | 'lose-answer';
}

/** 'taken-away': with its instance, and nobody knows how far it was */
type Attempt = Answer | 'taken-away';

export class Endpoint {
  readonly #options: EndpointOptions;
  readonly account = new Account();
  readonly #metrics = new Metrics();
  readonly fleet: Fleet;
  #queue: Delivery[] = [];
  #inFlight = 0;

  constructor(options: EndpointOptions) {
    this.#options = options;
    const { containers, instancesMax, secondMs, knobs, chance, log } = options;
    this.fleet = new Fleet({
      ...{ containers, instancesMax, secondMs, knobs, chance, log, account: this.account },
      backlog: () => this.#queue.length + this.#inFlight,
      onRoom: () => this.#work(),
    });
  }

  get options(): EndpointOptions {
    return this.#options;
  }

  get knobs(): Knobs {
    return this.#options.knobs;
  }

  metrics(): Record<string, number> {
    const { secondMs } = this.#options;
    const oldestMs = this.#queue.reduce((oldest, { queuedAtMs }) => Math.min(oldest, queuedAtMs), performance.now());
    return this.#metrics.read({
      waiting: this.#queue.length,
      inFlight: this.#inFlight,
      instances: this.fleet.inService,
      oldestSeconds: (performance.now() - oldestMs) / secondMs,
    });
  }

  accept(invocation: Invocation): void {
    const { chance, knobs } = this.#options;
    this.account.accepted(invocation);
    // Asked in the order in which they come, so that a seed repeats what becomes of the n-th.
    const fails = chance.happens('fail', knobs.failRate);
    const hangs = chance.happens('hang', knobs.hangRate);
    const losesAnswer = chance.happens('lose-answer', knobs.loseAnswers);
    const isTwice = chance.happens('deliver-twice', knobs.duplicateDeliveries);
    const fault = fails ? 'fail' : hangs ? 'hang' : losesAnswer ? 'lose-answer' : 'none';
    this.#queue.push({ invocation, queuedAtMs: performance.now(), fault });
    if (isTwice) {
      this.account.note('deliveredTwice');
      this.#queue.push({ invocation, queuedAtMs: performance.now(), fault: 'none' });
    }
    this.fleet.fill();
    this.#work();
  }

  /** Creating, updating and scaling an endpoint makes SageMaker try out its topics. */
  async tryTopics(): Promise<void> {
    const { successTarget, errorTarget } = this.#options;
    await Promise.all([successTarget, errorTarget].map((target) => this.#publish(target, TEST_NOTIFICATION, 1)));
  }

  async close(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#queue = [];
    await this.fleet.close(signal);
    // What was at work ends with its instance, and is stored and told of still.
    while (this.#inFlight > 0) await delay(10);
  }

  #work(): void {
    this.#expire();
    for (let instance = this.fleet.withRoom(); instance !== undefined; instance = this.fleet.withRoom()) {
      const delivery = this.#queue.shift();
      if (delivery === undefined) return;
      void this.#process(delivery, instance);
    }
  }

  #expire(): void {
    const { secondMs, knobs } = this.#options;
    const nowMs = performance.now();
    const isOver = ({ invocation, queuedAtMs }: Delivery) => nowMs - queuedAtMs > invocation.ttlSeconds * secondMs;
    const expired = this.#queue.filter(isOver);
    if (expired.length === 0) return;
    this.#queue = this.#queue.filter((delivery) => !isOver(delivery));
    for (const { invocation } of expired) {
      this.#metrics.count('ExpiredRequests');
      this.account.ended(invocation, 'expired');
      if (!knobs.expiryNotifies) continue;
      // Its words are not known.
      const reason = `The request was not processed within RequestTTLSeconds (${invocation.ttlSeconds}).`;
      void this.#end(invocation, { kind: 'failure', status: 0, reason });
    }
  }

  /** Never rejects. */
  async #process(delivery: Delivery, instance: Instance): Promise<void> {
    const { invocation, queuedAtMs } = delivery;
    const startedAtMs = performance.now();
    this.#inFlight += 1;
    this.#metrics.time('TimeInBacklog', startedAtMs - queuedAtMs);
    try {
      const attempt = await instance.occupy(() => this.#attempt(delivery, instance));
      if (attempt !== 'taken-away') return await this.#end(invocation, attempt);
      if (this.knobs.onKill === 'fail') return await this.#end(invocation, NO_ANSWER);
      this.account.note('requeued');
      this.#queue.unshift({ ...delivery, fault: 'none' });
    } finally {
      this.#inFlight -= 1;
      this.#metrics.time('TotalProcessingTime', performance.now() - startedAtMs);
      this.#work();
    }
  }

  /** Never rejects. */
  async #attempt({ invocation, fault }: Delivery, instance: Instance): Promise<Attempt> {
    const { secondMs, knobs } = this.#options;
    this.account.delivered(invocation);
    const body = await this.#input(invocation);
    if (!Buffer.isBuffer(body)) return body;
    const timeoutMs = invocation.timeoutSeconds * secondMs;
    if (fault === 'fail') {
      this.account.note('failed');
      return answered(
        knobs.failStatus,
        Buffer.from('{"message":"The emulator answers in the place of the container."}'),
      );
    }
    if (fault === 'hang' || knobs.hangNext > 0) {
      if (fault !== 'hang') knobs.hangNext -= 1;
      this.account.note('hung');
      await delay(timeoutMs, undefined, { signal: instance.signal }).catch(() => undefined);
      return instance.isTakenAway ? 'taken-away' : NO_ANSWER;
    }
    const startedAtMs = performance.now();
    const headers = headersOf(invocation, knobs.sendInferenceId);
    const answer = await instance.invoke({ headers, body, timeoutMs, strictHeaders: knobs.strictHeaders });
    this.#metrics.time('ModelLatency', (performance.now() - startedAtMs) * 1000);
    if (answer === NO_ANSWER) return instance.isTakenAway ? 'taken-away' : NO_ANSWER;
    if (fault !== 'lose-answer') return answer;
    this.account.note('answersLost');
    return NO_ANSWER;
  }

  /** @returns the bytes, or why there are none */
  async #input({ input }: Invocation): Promise<Buffer | Answer> {
    if (typeof input !== 'string') return input;
    const startedAtMs = performance.now();
    try {
      const body = await this.#options.aws.download(input);
      this.#metrics.time('RequestDownloadLatency', (performance.now() - startedAtMs) * 1000);
      return body;
    } catch (error) {
      this.#options.log('input.not-downloaded', { input, error: nameOf(error) });
      this.#metrics.count('RequestDownloadFailures');
      // AWS's words are not known.
      return { kind: 'failure', status: 0, reason: `ClientError: Could not download the request from ${input}.` };
    }
  }

  /** Stores what the container said, then tells of it. Never rejects. */
  async #end(invocation: Invocation, given: Answer): Promise<void> {
    const { knobs, successTarget, errorTarget, name, region } = this.#options;
    const answer = await this.#stored(invocation, given);
    this.#metrics.count('InvocationsProcesssed');
    if (answer.kind === 'failure') {
      this.#metrics.count('InvocationFailures');
      if (answer.status >= 500) this.#metrics.count('Invocation5XXErrors');
      else if (answer.status >= 400) this.#metrics.count('Invocation4XXErrors');
    }
    const isSuccess = answer.kind === 'success';
    this.account.ended(invocation, isSuccess ? 'completed' : 'failed', isSuccess ? undefined : answer.reason);
    const includeResponse = ['both', isSuccess ? 'success' : 'error'].includes(knobs.includeResponse);
    const message = notificationOf(invocation, answer, { endpoint: name, region, includeResponse });
    await this.#publish(isSuccess ? successTarget : errorTarget, message, this.#times(isSuccess));
  }

  /** @returns the answer, or the failure that it could not be stored */
  async #stored(invocation: Invocation, answer: Answer): Promise<Answer> {
    const { aws, knobs, log } = this.#options;
    const { outputLocation, failureLocation } = invocation;
    const startedAtMs = performance.now();
    try {
      if (answer.kind === 'success') await aws.upload(outputLocation, answer.body);
      else if (failureLocation === undefined) return answer;
      else if (answer.body !== undefined) await aws.upload(failureLocation, answer.body);
      else if (knobs.failureObjects === 'all') await aws.upload(failureLocation, Buffer.from(answer.reason));
      this.#metrics.time('ResponseUploadLatency', (performance.now() - startedAtMs) * 1000);
      return answer;
    } catch (error) {
      log('response.not-uploaded', { outputLocation, error: nameOf(error) });
      this.#metrics.count('ResponseUploadFailures');
      const reason = 'ClientError: Could not upload the response.';
      return answer.kind === 'failure' ? answer : { kind: 'failure', status: 0, reason };
    }
  }

  /** How often the next notification is delivered. */
  #times(isSuccess: boolean): 0 | 1 | 2 {
    const { chance, knobs } = this.#options;
    const isNext = !isSuccess && knobs.dropNextFailures > 0;
    if (isNext) knobs.dropNextFailures -= 1;
    const isLost = chance.happens('drop', knobs.dropNotifications) || isNext;
    const isDoubled = chance.happens('double', knobs.duplicateNotifications);
    if (isLost) {
      this.account.note('notificationsDropped');
      return 0;
    }
    if (isDoubled) this.account.note('notificationsDoubled');
    return isDoubled ? 2 : 1;
  }

  async #publish(target: NotificationTarget | undefined, message: string, times: number): Promise<void> {
    if (target === undefined) return;
    try {
      await this.#options.aws.publish(target, message, times);
    } catch (error) {
      this.#options.log('notification.not-published', { topic: target.topic, error: nameOf(error) });
      this.#metrics.count('NotificationFailures');
    }
  }
}

/** Nothing else reaches a container. */
function headersOf(
  { contentType, accept, customAttributes, inferenceId }: Invocation,
  sendInferenceId: boolean,
): Record<string, string> {
  return {
    ...(contentType !== undefined && { 'Content-Type': contentType }),
    ...(accept !== undefined && { Accept: accept }),
    ...(customAttributes !== undefined && { 'X-Amzn-SageMaker-Custom-Attributes': customAttributes }),
    ...(sendInferenceId && { 'X-Amzn-SageMaker-Inference-Id': inferenceId }),
  };
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : 'unknown error');
