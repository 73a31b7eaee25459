// Classes, their permissions and indexes. Rows of Project and Member are written by cloud code alone; comments may be created
// by people who are logged in and found by all as far as class permissions go: cloud.js asks for membership in each case.
const closed = { find: {}, get: {}, count: {}, create: {}, update: {}, delete: {}, addField: {}, protectedFields: {} }

export const schemas = [
  {
    className: '_User',
    fields: { name: { type: 'String' } },
    classLevelPermissions: { ...closed, create: { '*': true }, update: { requiresAuthentication: true } },
  },
  {
    className: 'Project',
    fields: { name: { type: 'String', required: true } },
    classLevelPermissions: closed,
  },
  {
    className: 'Member',
    fields: {
      project: { type: 'Pointer', targetClass: 'Project', required: true },
      user: { type: 'Pointer', targetClass: '_User', required: true },
    },
    indexes: { member_project_user: { project: 1, user: 1 }, member_user: { user: 1 } },
    classLevelPermissions: closed,
  },
  {
    className: 'Comment',
    fields: {
      project: { type: 'Pointer', targetClass: 'Project', required: true },
      author: { type: 'Pointer', targetClass: '_User', required: true },
      authorName: { type: 'String' },
      body: { type: 'String', required: true },
      atMs: { type: 'Number' },
    },
    indexes: { comment_project: { project: 1, createdAt: 1 }, comment_author: { author: 1 } },
    classLevelPermissions: { ...closed, find: { '*': true }, create: { requiresAuthentication: true } },
  },
]
