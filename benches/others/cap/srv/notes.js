// What a person adds to the model: owners are set, and a note is written only into an own notebook.
const cds = require('@sap/cds')

module.exports = class NotesService extends cds.ApplicationService {
  init() {
    const { Notebooks } = this.entities
    this.before('CREATE', 'Notebooks', (req) => { req.data.owner = req.user.id })
    this.before('CREATE', 'Notes', async (req) => {
      const own = await SELECT.one.from(Notebooks).columns('ID')
        .where({ ID: req.data.notebook_ID, owner: req.user.id })
      if (!own) req.reject(404)
    })
    return super.init()
  }
}
