import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import type { Construct } from 'constructs';
import { IMAGE_TARGETS } from './names.ts';

/** Images of one target that are kept. An endpoint starts its image anew for every instance: none in use may go. */
const IMAGES_KEPT = 30;

/** Holds what can be built again from the sources: it goes with its stack, which goes only with the data. */
export function imageRepository(scope: Construct): ecr.Repository {
  return new ecr.Repository(scope, 'Images', {
    encryption: ecr.RepositoryEncryption.AES_256,
    imageScanOnPush: true,
    imageTagMutability: ecr.TagMutability.IMMUTABLE,
    emptyOnDelete: true,
    removalPolicy: RemovalPolicy.DESTROY,
    lifecycleRules: [
      ...IMAGE_TARGETS.map((target, index) => ({
        rulePriority: index + 1,
        tagPrefixList: [`${target}-`],
        maxImageCount: IMAGES_KEPT,
      })),
      {
        rulePriority: IMAGE_TARGETS.length + 1,
        tagStatus: ecr.TagStatus.UNTAGGED,
        maxImageAge: Duration.days(14),
      },
    ],
  });
}
