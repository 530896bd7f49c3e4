// generated from module.fbs by scripts/gen-format.mjs, do not modify

/** SHA-256 of module.fbs. */
export const schemaHash = "64fb2a155f7a4a0f6a392c209269525a835371cb4ebbd8194df1ce5d9b769048";

/** How a field of a table lies in the buffer; its position in the list is its number in the vtable. */
export type FieldLayout = { readonly name: string } & (
  | { readonly kind: "scalar"; readonly size: number }
  | { readonly kind: "table"; readonly table: string; readonly required: boolean }
  | { readonly kind: "tables"; readonly table: string; readonly required: boolean }
  | { readonly kind: "strings"; readonly required: boolean }
  | { readonly kind: "vector"; readonly size: number; readonly required: boolean }
);

export const rootTable = "Program";

export const tableLayouts: { readonly [table: string]: readonly FieldLayout[] } = {
  Func: [
    {"name":"name","kind":"scalar","size":4},
    {"name":"doc","kind":"scalar","size":4},
    {"name":"params","kind":"scalar","size":4},
    {"name":"types","kind":"vector","size":4,"required":false},
    {"name":"names","kind":"vector","size":4,"required":false},
    {"name":"ops","kind":"vector","size":20,"required":false},
    {"name":"operands","kind":"vector","size":4,"required":false},
    {"name":"returns","kind":"vector","size":4,"required":false},
    {"name":"results","kind":"vector","size":8,"required":false},
    {"name":"carries","kind":"vector","size":8,"required":false},
    {"name":"requires","kind":"vector","size":8,"required":false},
  ],
  Plan: [
    {"name":"target","kind":"scalar","size":4},
    {"name":"init","kind":"table","table":"Func","required":true},
    {"name":"main","kind":"table","table":"Func","required":true},
  ],
  Source: [
    {"name":"version","kind":"scalar","size":4},
    {"name":"name","kind":"scalar","size":4},
    {"name":"doc","kind":"scalar","size":4},
    {"name":"meta","kind":"scalar","size":4},
    {"name":"meta_doc","kind":"scalar","size":4},
    {"name":"constants","kind":"scalar","size":4},
    {"name":"functions","kind":"tables","table":"Func","required":true},
  ],
  Build: [
    {"name":"tersor","kind":"scalar","size":4},
    {"name":"pipeline","kind":"scalar","size":4},
    {"name":"cost_profile","kind":"scalar","size":4},
    {"name":"seed","kind":"scalar","size":8},
    {"name":"model","kind":"vector","size":1,"required":false},
    {"name":"data","kind":"vector","size":1,"required":false},
    {"name":"plugins","kind":"vector","size":8,"required":false},
  ],
  Program: [
    {"name":"strings","kind":"strings","required":false},
    {"name":"symbols","kind":"vector","size":8,"required":false},
    {"name":"exprs","kind":"vector","size":12,"required":false},
    {"name":"types","kind":"vector","size":4,"required":false},
    {"name":"dims","kind":"vector","size":4,"required":false},
    {"name":"attrs","kind":"vector","size":12,"required":false},
    {"name":"attr_items","kind":"vector","size":4,"required":false},
    {"name":"dict_items","kind":"vector","size":8,"required":false},
    {"name":"sections","kind":"vector","size":40,"required":false},
    {"name":"codec_params","kind":"vector","size":1,"required":false},
    {"name":"constants","kind":"vector","size":24,"required":false},
    {"name":"derived","kind":"vector","size":12,"required":false},
    {"name":"derived_operands","kind":"vector","size":4,"required":false},
    {"name":"inputs","kind":"vector","size":12,"required":false},
    {"name":"outputs","kind":"vector","size":12,"required":false},
    {"name":"requires","kind":"vector","size":8,"required":false},
    {"name":"plans","kind":"tables","table":"Plan","required":false},
    {"name":"source","kind":"table","table":"Source","required":false},
    {"name":"requirements","kind":"vector","size":8,"required":false},
    {"name":"preprocessing","kind":"scalar","size":4},
    {"name":"build","kind":"table","table":"Build","required":true},
  ],
};
