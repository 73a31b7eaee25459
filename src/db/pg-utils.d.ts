declare module 'pg/lib/utils.js' {
  const utils: {
    /** A value as node-postgres writes it on the wire. */
    prepareValue(value: unknown): string | Buffer | null
  }
  export default utils
}
