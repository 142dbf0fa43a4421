@echo off
rem Windows: a double click opens the page; files dropped on this icon are coloured.
setlocal
set "found="
for %%P in ("py -3" "py -3.14" "py -3.13" "py -3.12" "py -3.11" "py -3.10" "python" "python3") do if not defined found (
    %%~P -c "import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))" >nul 2>nul && set "found=%%~P"
)
if not defined found (
    echo Python 3.10 to 3.14 is missing: https://www.python.org/downloads
    pause
    exit /b 1
)
%found% "%~dp0launch.py" %*
