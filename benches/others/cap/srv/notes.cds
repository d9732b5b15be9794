using { notes } from '../db/schema';

@path: '/' @requires: 'authenticated-user'
service NotesService {
  @restrict: [{ grant: '*', where: (owner = $user) }]
  entity Notebooks as projection on notes.Notebooks;
  @restrict: [{ grant: '*', where: (notebook.owner = $user) }]
  @cds.query.limit.max: 50
  entity Notes as projection on notes.Notes;
}
