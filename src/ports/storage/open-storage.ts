import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { openDiskStorage } from './disk.ts'
import { openS3Storage } from './s3.ts'
import type { Storage } from './storage.ts'

/** The store of the configuration: S3 where it names one, else the folder `files` in DATA_DIR, which is made. */
export const openStorage = ({ dataDir, s3 }: Pick<Config, 'dataDir' | 's3'>): Storage =>
  s3 ? openS3Storage(s3) : openDiskStorage(join(dataDir, 'files'))
