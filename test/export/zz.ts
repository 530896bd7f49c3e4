import { caseFiles } from "../ops/cases/index.ts";
import { runOrt } from "../support/ort.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { assertClose, exported, registry } from "./support.ts";
import { caseModule, inSingles, toleranceOf } from "./case-modules.ts";
import { preparePipeline } from "../../compiler/index.ts";
import { run } from "../passes/support.ts";
import { normalText } from "./normal-text.ts";
const canonical = async (m:any) => (await run(m, preparePipeline)).module;
const cases = Object.values(caseFiles).flat();
let ok=0; const bad: string[]=[], back: string[]=[], text:string[]=[], twice:string[]=[];
const msg=(e:any)=> e.problems?e.problems.map((p:any)=>p.code+" "+p.message).join("; "):String(e.message).split("\n")[0].slice(0,300);
for (const [i,c0] of cases.entries()) {
  let c=c0;
  const what = `${i} ${c.op}(${c.inputs.map(t=>t?`${t.dtype}[${t.shape}]`:"_").join(", ")}) ${JSON.stringify(c.attrs??{})} ${c.note??""}`;
  for (;;) try {
    const {module, inputs} = caseModule(c);
    const want = interpret(module, registry, inputs).outputs;
    const model = exported(module);
    const got = await runOrt(model, inputs);
    assertClose(got, want, toleranceOf(c), "");
    ok++;
    try { const m = importOnnx(model,{registry}); assertClose(interpret(m, registry, inputs).outputs, want, toleranceOf(c), "");
      const a=normalText(await canonical(module)), b=normalText(await canonical(m)); if(a!==b) { text.push(what+"\n"+a+b);
      const m2=await canonical(m); const b2=normalText(await canonical(importOnnx(exported(m2),{registry}))); if(b2!==b) twice.push(what+"\n"+b+b2); }
    } catch(e) { back.push(what+"\n     "+msg(e)); }
    break;
  } catch (e:any) { const m=msg(e); 
    if(c===c0 && /implementation|double/.test(m) && c.inputs.some(t=>t?.dtype==="f64")) { c=inSingles(c); console.log("SINGLE", c.op); continue; }
    bad.push(`${what}\n     ${m}`); break; }
}
console.log(ok, "ok of", cases.length); console.log(bad.join("\n")); console.log("BACK\n"+back.join("\n")); console.log("TEXT\n"+text.join("\n"));
console.log("TWICE\n"+twice.join("\n"));
