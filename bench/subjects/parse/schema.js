// Classes, their permissions and indexes. Rows of Project and Member are written by cloud code alone; comments may be created
// by whoever is logged in and found by everybody as far as class permissions go: cloud.js asks for membership in each case.
const nobody = { find: {}, get: {}, count: {}, create: {}, update: {}, delete: {}, addField: {}, protectedFields: {} }

export const schemas = [
  {
    className: '_User',
    fields: { name: { type: 'String' } },
    classLevelPermissions: { ...nobody, create: { '*': true }, update: { requiresAuthentication: true } },
  },
  {
    className: 'Project',
    fields: { name: { type: 'String', required: true } },
    classLevelPermissions: nobody,
  },
  {
    className: 'Member',
    fields: {
      project: { type: 'Pointer', targetClass: 'Project', required: true },
      user: { type: 'Pointer', targetClass: '_User', required: true },
    },
    indexes: { member_project_user: { project: 1, user: 1 }, member_user: { user: 1 } },
    classLevelPermissions: nobody,
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
    classLevelPermissions: { ...nobody, find: { '*': true }, create: { requiresAuthentication: true } },
  },
]
