import type { FastifyInstance } from 'fastify'

/** Every route of a running server, as `GET /api/tasks/:taskId`; those for HEAD stand with GET. */
export function routesOf(app: FastifyInstance): string[] {
  const routes: string[] = []
  const path: string[] = []
  for (const row of app.printRoutes({ commonPrefix: false }).split('\n')) {
    const found = /^(?<indent>[│ ]*)[├└]── (?<url>\S+) \((?<methods>[A-Z, ]+)\)/.exec(row)?.groups
    if (!found) continue
    path.splice((found.indent ?? '').length / 4, Number.POSITIVE_INFINITY, found.url ?? '')
    for (const method of (found.methods ?? '').split(', ')) if (method !== 'HEAD') routes.push(`${method} ${path.join('')}`)
  }
  return routes
}
