import"./part-XQVEOZSD.js";
