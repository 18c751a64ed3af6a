import"./part-D2HWND7S.js";
