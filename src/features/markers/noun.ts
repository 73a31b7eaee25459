import { defineNoun } from '../shared/noun.ts'
import { markerRoutes } from './routes.ts'

/** Rows and events are those of comments, and the paths name files. */
export const markers = defineNoun({ name: 'markers', targets: {}, tables: [], routes: markerRoutes, snapshot: {}, activity: {} })
