import { coreOps } from "../../ir-spec/ops/core.ts"; import * as T from "../../ir-spec/index.ts"; import { seeded } from "../support/seeded.ts";
import * as A from "./cases/nn.ts"; import * as B from "./cases/quant.ts"; import * as C from "./cases/codebook.ts"; import * as D from "./cases/sparse.ts";
const reg = new T.OpRegistry([{owner:"core",ops:coreOps}]);
const typeOf=(t:any)=>T.tensorType(t.dtype,t.shape);
let n=0;
for (const c of [...A.cases,...B.cases,...C.cases,...D.cases]) { if(!c.gradient) continue; 
 try{
  const def=reg.require(c.op); const stored=T.writeAttrs(def.attrs,c.attrs??{}); const y=T.evaluateOp(reg,c.op,c.inputs,stored)[0]!;
  const dy=seeded(3).tensor("f64",y.shape);
  const ins=[...c.inputs.map((t,i)=>({t,i})).filter(e=>e.t), {t:dy,i:-1}];
  const f=T.emptyFunction("main",ins.map((e,k)=>({name:"p"+k,type:typeOf(e.t)})));
  const ed=new T.ModuleEditor({...T.emptyModule("m"),functions:new Map([["main",f]])},reg); const body=ed.function();
  const operands=c.inputs.map((t,i)=>t?ins.findIndex(e=>e.i===i):null);
  const results=body.emit(c.op,operands,c.attrs??{});
  const wanted=c.inputs.map((_,i)=>c.gradient![i]??false);
  const grads=def.gradient!({builder:body,operands,results,grads:[ins.length-1],attrs:reg.attrs(def,stored),wanted});
  const m=()=>{}; 
  const idx=wanted.map((w,i)=>w?i:-1).filter(i=>i>=0);
  body.setResults(idx.map(i=>({name:"g"+i,operand:grads[i] as number})));
  const mod=ed.freeze(); const main=mod.functions.get("main")!;
  const vals=new Map<any,any>(main.params.map((id,i)=>[id,ins[i]!.t]));
  const val=(o:any)=>o===null?null:vals.get(o)??T.evaluateConstant(mod,reg,String(o));
  for(const op of main.ops) T.evaluateOp(reg,op.name,op.operands.map(val),op.attrs).forEach((r,i)=>vals.set(op.results[i],r));
  idx.forEach((i,k)=>{ const g=val(main.returns[k]!); const x=c.inputs[i]!; const eps=1e-5; if(JSON.stringify(g.shape)!==JSON.stringify(x.shape)) console.log("SHAPE",c.op,c.note,i,g.shape,x.shape);
   let worst=0; for(let e=0;e<x.data.length;e++){ const at=(d:number)=>{const data=Float64Array.from(x.data as any); data[e]!+=d; const inp=c.inputs.map((t,j)=>j===i?{...x,data}:t); const r=T.evaluateOp(reg,c.op,inp as any,stored)[0]!; let s=0; for(let q=0;q<r.data.length;q++) s+=(r.data[q] as number)*(dy.data[q] as number); return s;}; const num=(at(eps)-at(-eps))/2/eps; worst=Math.max(worst,Math.abs(num-Number(g.data[e]))); }
   n++; if(!(worst<1e-6)) console.log("GRAD",c.op,c.note,i,worst); });
 }catch(e){console.log("ERR",c.op,c.note,(e as Error).message);} }
console.log(n,"checked");
