// Membership, asked before a comment is saved, before comments are found, and before a person subscribes to them: at
// that moment, not at each event as access lists on rows would have it, which costs a lookup of roles per subscriber.
export function cloud(Parse) {
  const refuse = () => new Parse.Error(Parse.Error.OPERATION_FORBIDDEN, 'Not a member of this project')

  const Project = Parse.Object.extend('Project')

  async function assertMember(user, projectId) {
    if (!user || typeof projectId !== 'string') throw refuse()
    const project = new Project({ id: projectId })
    const query = new Parse.Query('Member').equalTo('project', project).equalTo('user', user).select('objectId')
    if (!(await query.first({ useMasterKey: true }))) throw refuse()
  }

  Parse.Cloud.beforeSave('Comment', async ({ object, user, master }) => {
    if (master) return
    await assertMember(user, object.get('project')?.id)
    object.set('author', user)
    object.set('authorName', user.get('name'))
  })
  Parse.Cloud.beforeFind('Comment', async ({ query, user, master }) => {
    if (!master) await assertMember(user, query.toJSON().where.project?.objectId)
  })
  Parse.Cloud.beforeSubscribe('Comment', async ({ query, user }) => {
    await assertMember(user, query.toJSON().where.project?.objectId)
  })

  Parse.Cloud.define(
    'createProject',
    async ({ params: { name, memberIds = [] }, user }) => {
      const project = await new Parse.Object('Project', { name }).save(null, { useMasterKey: true })
      const people = [...new Set([user.id, ...memberIds])].map((id) => Parse.User.createWithoutData(id))
      const members = people.map((person) => new Parse.Object('Member', { project, user: person }))
      await Parse.Object.saveAll(members, { useMasterKey: true })
      return { id: project.id }
    },
    { requireUser: true, fields: { name: { required: true, type: String }, memberIds: { type: Array } } },
  )
}
