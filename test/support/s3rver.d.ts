// s3rver comes without types.
declare module 's3rver' {
  interface Options {
    port: number
    address: string
    silent: boolean
    directory: string
    vhostBuckets: boolean
    configureBuckets: { name: string; configs: string[] }[]
  }
  export default class S3rver {
    constructor(options: Options)
    logger: { silent: boolean }
    run(): Promise<{ port: number }>
    close(): Promise<void>
  }
}
