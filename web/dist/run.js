import"./part-2YUVL44V.js";
