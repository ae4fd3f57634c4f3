/**
 * A worker that takes a message, says so, and holds it until it is killed. SIGTERM closes it, and the process must end by
 * itself. Arguments: the address of Redis, the queue.
 */
import { BullmqConsumer } from '../../../../src/adapters/consume-bullmq.ts';

const [redisUrl = '', queueName = ''] = process.argv.slice(2);
const consumer = new BullmqConsumer({
  redisUrl,
  queueName,
  lockDurationMs: 600,
  stalledIntervalMs: 200,
  handler: () => {
    process.stdout.write('at work\n');
    return new Promise(() => {});
  },
});
await consumer.start();
process.once('SIGTERM', () => void consumer.close({ graceMs: 50 }));
