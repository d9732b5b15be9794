namespace notes;
using { cuid } from '@sap/cds/common';

entity Notebooks : cuid {
  owner : String(120);
  name  : String(120) not null;
}

entity Notes : cuid {
  notebook : Association to Notebooks not null;
  title    : String(200) not null;
  body     : String(20000) default '';
  state    : String(20) default 'open';
}
