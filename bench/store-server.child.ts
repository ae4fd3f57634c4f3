/** The child of store-server.ts: sends its endpoint; ends when its parent does. */
import { startS3Emulator } from '../test/support/s3-emulator.ts';

const emulator = await startS3Emulator();
emulator.createBucket(process.argv[2]!);
process.send!(emulator.endpoint);
process.on('disconnect', () => process.exit());
