// @fastify/rate-limit ships its stores without types.
declare module '@fastify/rate-limit/store/*' {
  type Count = { current: number; ttl: number }
  type Done = (error: Error | null, count?: Count) => void
  interface Store {
    incr(key: string, done: Done, timeWindow: number, max: number): void
    read(key: string, done: Done, timeWindow: number, max: number): void
    child(options: object): Store
  }
  const store: new (continueExceeding?: boolean, exponentialBackoff?: boolean, redisOrCache?: unknown, prefix?: string) => Store
  export default store
}
