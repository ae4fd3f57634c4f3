/** Settings of a container that differ from the documented defaults. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where SageMaker puts the model of an endpoint. */
const MODEL_FOLDER = '/opt/ml/model';

export function containerDefaults(modelFolder = MODEL_FOLDER) {
  const hasModel = existsSync(join(modelFolder, 'model.json'));
  return {
    NARRATOR_HOST: '0.0.0.0',
    // Its log is all that is seen of a container on SageMaker.
    NARRATOR_LOG_LEVEL: 'info',
    ...(hasModel && { NARRATOR_MODEL: modelFolder }),
  };
}
