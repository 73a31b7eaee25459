import { z } from 'zod'
import { bytes, s3Endpoint, s3Prefix } from './values.ts'

/** A single PUT to S3 ends there, bytes. */
const LARGEST_FILE = 5e9
const LARGEST_QUOTA = 1e15
const FILE_SIZE = 'must be a number of bytes with KB, MB or GB (or KiB, MiB, GiB), like 100MB, 5GB at most'
const QUOTA = 'must be a number of bytes with MB, GB or TB (or MiB, GiB, TiB), like 20GB, 1000TB at most, or off'
const KEY = 'must be ASCII without spaces, 256 characters at most'

const fileSize = (fallback: string) => bytes(fallback, LARGEST_FILE, FILE_SIZE)
const quota = (fallback: string) =>
  z.union([z.literal('off').transform(() => null), bytes(fallback, LARGEST_QUOTA, QUOTA)], { error: QUOTA })
const key = z.string().regex(/^[\x21-\x7e]{1,256}$/, KEY)

/** Variables about files: how large, how many, where. */
export const fileVariables = {
  UPLOAD_AUDIO_MAX: fileSize('100MB'),
  UPLOAD_STEMS_MAX: fileSize('500MB'),
  UPLOAD_IMAGE_MAX: fileSize('5MB'),
  UPLOAD_DOCUMENT_MAX: fileSize('25MB'),
  QUOTA_PROJECT: quota('20GB'),
  QUOTA_PERSON: quota('50GB'),
  S3_ENDPOINT: s3Endpoint.optional(),
  S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket: small letters, digits, - and dots, 3 to 63')
    .optional(),
  S3_REGION: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'must be the name of a region, like eu-central-1')
    .optional(),
  S3_ACCESS_KEY_ID: key.optional(),
  S3_SECRET_ACCESS_KEY: key.optional(),
  S3_PREFIX: s3Prefix.optional(),
}

/** An S3-compatible store. */
export interface S3Config {
  /** A URL without a slash at its end. */
  endpoint: string
  bucket: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** What keys begin with: '' or with a slash at its end. */
  prefix: string
}

export interface FileConfig {
  /** The largest upload of each kind, bytes. */
  uploadMax: { audio: number; stems: number; image: number; document: number }
  /** What all files of a project, or of a person, may take together, bytes; null: any amount. */
  quota: { project: number | null; person: number | null }
  /** Where files are kept; absent: in `dataDir`. */
  s3: S3Config | undefined
}

/** There is no store without all of these. */
const NEEDED = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const

/** What is missing of a store that is named in part: a line by the name of its variable. */
export function missingOfS3(given: Record<string, string | undefined>): [name: string, line: string][] {
  const there = Object.keys(fileVariables).find((name) => name.startsWith('S3_') && given[name] !== undefined)
  if (there === undefined) return []
  return NEEDED.filter((name) => given[name] === undefined).map((name) => [name, `${name} must be set, since ${there} is`])
}

export function fileConfigOf(e: z.output<z.ZodObject<typeof fileVariables>>): FileConfig {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = e
  return {
    uploadMax: {
      audio: e.UPLOAD_AUDIO_MAX,
      stems: e.UPLOAD_STEMS_MAX,
      image: e.UPLOAD_IMAGE_MAX,
      document: e.UPLOAD_DOCUMENT_MAX,
    },
    quota: { project: e.QUOTA_PROJECT, person: e.QUOTA_PERSON },
    s3:
      endpoint !== undefined && bucket !== undefined && accessKeyId !== undefined && secretAccessKey !== undefined
        ? { endpoint, bucket, accessKeyId, secretAccessKey, region: e.S3_REGION ?? 'us-east-1', prefix: e.S3_PREFIX ?? '' }
        : undefined,
  }
}
