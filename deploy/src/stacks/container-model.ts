/** A container as SageMaker's model: an image by digest, model data that is not packed, and settings. */
import { Aws, Fn } from 'aws-cdk-lib';
import type { CfnCondition, CfnParameter } from 'aws-cdk-lib';
import type * as ecr from 'aws-cdk-lib/aws-ecr';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { CfnModel } from 'aws-cdk-lib/aws-sagemaker';
import type { Construct } from 'constructs';
import { PREFIXES } from './names.ts';

export interface ContainerModelOptions {
  readonly repository: ecr.IRepository;
  readonly bucket: s3.IBucket;
  readonly role: iam.IRole;
  readonly image: CfnParameter;
  readonly modelPrefix: CfnParameter;
  readonly hasModel: CfnCondition;
}

/** Without a name: every change makes another model, and a named one could not be replaced while it is in use. */
export function containerModel(scope: Construct, options: ContainerModelOptions): CfnModel {
  const { repository, bucket, role, image, modelPrefix, hasModel } = options;
  const modelData = {
    S3DataSource: {
      S3Uri: bucket.s3UrlForObject(modelPrefix.valueAsString),
      S3DataType: 'S3Prefix',
      CompressionType: 'None',
    },
  };
  return new CfnModel(scope, 'Model', {
    executionRoleArn: role.roleArn,
    primaryContainer: {
      image: repository.repositoryUriForDigest(image.valueAsString),
      // The container takes /opt/ml/model where that holds one, else the image's own.
      modelDataSource: Fn.conditionIf(hasModel.logicalId, modelData, Aws.NO_VALUE),
      environment: {
        NARRATOR_STORE: bucket.s3UrlForObject(PREFIXES.store.slice(0, -1)),
        NARRATOR_S3_REGION: Aws.REGION,
        NARRATOR_BUCKETS: `${bucket.bucketName}/${PREFIXES.manifests.slice(0, -1)}`,
      },
    },
  });
}

/** From the start of an instance to the first 200 of /ping: sessions are created and warmed up at the longest shapes. */
export const STARTUP = { containerStartupHealthCheckTimeoutInSeconds: 900, modelDataDownloadTimeoutInSeconds: 1200 };
