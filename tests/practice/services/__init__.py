"""Services that are played here. A class a service; its methods carry AWS's own operation names.

A method takes the call and its parameters (AWS's names, read by the model) and returns AWS's members; `wire/`
does the rest. An operation without a method is answered as not played.
"""
