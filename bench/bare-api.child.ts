/** What api.ts measures against: express and Redis with nothing else. `bare-api.child.ts REDIS_URL` sends its address. */
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Redis } from 'ioredis';

const redis = new Redis(process.argv[2]!);
const app = express();
app.use(express.json({ limit: '1mb' }));
app.post('/v1/jobs', async (request, response) => {
  const id = request.get('idempotency-key')!;
  const isNew = (await redis.set(`job:${id}`, JSON.stringify(request.body), 'NX')) !== null;
  response
    .status(isNew ? 202 : 200)
    .location(`/v1/jobs/${id}`)
    .json({ id, status: 'planning' });
});
app.get('/v1/jobs/:id', async (request, response) => {
  const job = await redis.get(`job:${request.params.id}`);
  if (job === null) response.status(404).json({ title: 'no such job' });
  else response.json({ id: request.params.id, status: 'planning', job: JSON.parse(job) as unknown });
});
const server = app.listen(0, '127.0.0.1', () => {
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('disconnect', () => process.exit());
