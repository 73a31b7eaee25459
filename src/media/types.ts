/** Why a file could not be read. A closed list: it is stored with the file and shown to people. */
export type FailureReason = 'damaged' | 'too-long' | 'too-large' | 'unsupported' | 'timed-out' | 'out-of-memory'

export interface Failure {
  ok: false
  reason: FailureReason
}

export type Codec = 'pcm' | 'float' | 'alaw' | 'ulaw' | 'flac' | 'alac' | 'mp3' | 'aac' | 'vorbis' | 'opus'

/** Of each name at most `MAX_TAG_LENGTH` characters, without control characters. */
export interface Tags {
  title?: string
  artist?: string
  album?: string
}

export interface AudioFacts {
  /** Of what was decoded, not of what a header says. */
  durationMs: number
  codec: Codec
  channels: number
  /** Hz */
  sampleRate: number
  /** Bits per second, over the whole file. */
  bitrate: number
  tags: Tags
}

/** The least and the greatest sample of each of `points` equal spans of time, over all channels. */
export interface Peaks {
  points: number
  /** -128 … 127 */
  min: Int8Array
  max: Int8Array
}

export type AudioAnalysis = { ok: true; audio: AudioFacts; peaks: Peaks } | Failure

export type Thumbnail =
  | {
      ok: true
      /** WebP, at most 640 × 640 pixels, without metadata. */
      data: Buffer
      /** Of the picture itself, as it is to be shown. */
      width: number
      height: number
    }
  | Failure

/** What one file may cost. */
export interface Limits {
  /** From the start of its process to the answer. */
  timeMs: number
  /** Resident memory of its process, bytes. */
  memoryBytes: number
  /** Of a sound. */
  durationMs: number
  /** Of a picture, before it is made smaller. */
  pixels: number
}

export type Job = { kind: 'audio'; path: string; type: string; limits: Limits } | { kind: 'image'; path: string; limits: Limits }
export type JobResult = AudioAnalysis | Thumbnail

/** What the process of a job answers: a result, or an error that says nothing about the file. */
export type Answer = { result: JobResult } | { error: string }
