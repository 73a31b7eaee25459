import type { Authorizer } from '../access/authorize.ts'
import type { Query } from '../db/client.ts'

/** What dialects look up with. */
export interface DialectContext {
  query: Query
  authorizer: Authorizer
}
