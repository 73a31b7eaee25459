// Who may do what, as hooks of the services.
import { authenticate } from '@feathersjs/authentication'
import { BadRequest, Forbidden } from '@feathersjs/errors'

export const channelOf = (projectId) => `projects/${projectId}`

const userIdOf = (params) => Number(params.authentication.payload.sub)

/** The member's name and the cut's project in one query; who is no member is refused. */
async function memberByCut(context, cutId) {
  const userId = userIdOf(context.params)
  const row = await context.app
    .get('knex')('cuts')
    .join('members', 'members.projectId', 'cuts.projectId')
    .join('users', 'users.id', 'members.userId')
    .where({ 'cuts.id': cutId, 'members.userId': userId })
    .first('cuts.projectId', 'users.name')
  if (!row) throw new Forbidden('Not a member of this project')
  return { projectId: row.projectId, author: { id: userId, name: row.name } }
}

async function beforeComment(context) {
  const { cutId, body, atMs = null } = context.data
  if (!Number.isInteger(cutId) || typeof body !== 'string' || body === '') throw new BadRequest('cutId and body are needed')
  const { projectId, author } = await memberByCut(context, cutId)
  context.data = { projectId, cutId, body, atMs, authorId: author.id }
  context.params.author = author
}

/** The answer and the event carry the author, who is known already. */
function withAuthor(context) {
  context.result.author = context.params.author
}

async function beforeList(context) {
  const { query } = context.params
  const cutId = Number(query.cutId)
  await memberByCut(context, cutId)
  context.params.query = { ...query, cutId, $sort: { id: 1 } }
  // Comments come with their authors in one statement.
  const knex = context.app.get('knex')
  context.params.knex = context.service
    .createQuery(context.params)
    .join('users as author', 'author.id', 'comments.authorId')
    .select(knex.ref('author.name').as('authorName'))
}

function presentList(context) {
  for (const row of context.result) {
    row.author = { id: row.authorId, name: row.authorName }
    delete row.authorName
  }
}

export const commentHooks = {
  before: { all: [authenticate('jwt')], create: [beforeComment], find: [beforeList] },
  after: { create: [withAuthor], find: [presentList] },
}

/** A project comes with one cut, its creator and the people that were named. */
async function furnish(context) {
  const knex = context.app.get('knex')
  const projectId = context.result.id
  const ids = new Set([userIdOf(context.params), ...context.params.memberIds])
  await knex('members').insert([...ids].map((userId) => ({ projectId, userId })))
  const [cut] = await knex('cuts').insert({ projectId, name: 'First' }, ['id'])
  context.result.cutId = cut.id
}

export const projectHooks = {
  before: {
    create: [
      authenticate('jwt'),
      (context) => {
        const { name, memberIds = [] } = context.data
        context.data = { name }
        context.params.memberIds = memberIds
      },
    ],
  },
  after: { create: [furnish] },
}

async function refuseStrangers(context) {
  const knex = context.app.get('knex')
  const userId = userIdOf(context.params)
  const fellow = await knex('members as m')
    .join('members as me', 'me.projectId', 'm.projectId')
    .where({ 'm.id': context.id, 'me.userId': userId })
    .first('m.id')
  if (!fellow) throw new Forbidden('Not a member of this project')
}

/** Fellow members may see and remove; `find` answers one's own memberships. */
export const memberHooks = {
  before: {
    all: [authenticate('jwt')],
    find: [
      (context) => {
        context.params.query = { ...context.params.query, userId: userIdOf(context.params) }
      },
    ],
    get: [refuseStrangers],
    remove: [refuseStrangers],
  },
}

/** `create` puts a member's socket into the project's channel. */
export function createStands(app) {
  return {
    async create({ projectId }, params) {
      const userId = userIdOf(params)
      const member = await app.get('knex')('members').where({ projectId, userId }).first('id')
      if (!member) throw new Forbidden('Not a member of this project')
      if (!params.connection) throw new BadRequest('Only sockets stand somewhere')
      params.connection.userId = userId
      app.channel(channelOf(projectId)).join(params.connection)
      return { projectId }
    },
    async setup() {
      app.service('stands').hooks({ before: { create: [authenticate('jwt')] } })
    },
  }
}

export function evict(app, { projectId, userId }) {
  app.channel(channelOf(projectId)).leave((connection) => connection.userId === userId)
}
