/** @file The app as a page: fetches the model beside it and writes its answer into the document. */
import { classify } from "./classify.mjs";

const output = document.querySelector("output");
classify("model.tsr").then(
  (answer) => {
    output.value = JSON.stringify(answer);
  },
  (error) => {
    output.value = String(error);
  },
);
